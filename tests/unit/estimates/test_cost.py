"""Prices by tier."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.assumption import Assumption
from scenarios.infrastructure import EgressTier
from sim.estimates.cost import tiered_usd

GB = 1e9


def tier(up_to_gb: float | None, price: float) -> EgressTier:
    up_to = None if up_to_gb is None else Assumption(up_to_gb * GB)
    return EgressTier(up_to=up_to, price=Assumption(price))


TIERS = (tier(10, 0.5), tier(100, 0.25), tier(None, 0.125))


@pytest.mark.parametrize(
    ("sent_gb", "usd"),
    [(0, 0), (4, 2), (10, 5), (11, 5.25), (100, 27.5), (108, 28.5)],
)
def test_each_byte_costs_the_price_of_its_tier(sent_gb: float, usd: float) -> None:
    assert tiered_usd(sent_gb * GB, TIERS) == pytest.approx(usd)


def test_a_single_tier_has_one_price() -> None:
    assert tiered_usd(1e15, (tier(None, 0.02),)) == pytest.approx(20_000)


@given(
    widths_gb=st.lists(st.floats(0.1, 1e6), max_size=6),
    prices=st.lists(st.floats(0, 10), min_size=7, max_size=7),
    sent_gb=st.lists(st.floats(0, 1e7), min_size=2, max_size=2).map(sorted),
)
def test_sending_more_never_costs_less_and_at_most_the_dearest_price(
    widths_gb: list[float], prices: list[float], sent_gb: list[float]
) -> None:
    tops = [*itertools.accumulate(widths_gb), None]
    tiers = [tier(top, price) for top, price in zip(tops, prices, strict=False)]
    less, more = (tiered_usd(each * GB, tiers) for each in sent_gb)

    dearest = max(each.price for each in tiers)
    assert -1e-6 <= more - less <= (sent_gb[1] - sent_gb[0]) * dearest * (1 + 1e-9) + 1e-6
