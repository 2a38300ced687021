"""Figures as they are printed."""

import pytest

from reports import figures


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (216e12, "bytes/day", "216 TB/day"),
        (788.4e15, "bytes", "788.4 PB"),
        (2.5e12, "bytes/s", "2.5 TB/s"),
        (0.25, "s", "250 ms"),
        (407.37, "s/year", "6.79 min/year"),
        (0.87, "share", "87 %"),
        (0.999987083, "share", "99.9987 %"),
        (0.99999, "share", "99.999 %"),
        (0.9999999, "share", "99.99999 %"),
        (1.0, "share", "100 %"),
        (0.0, "share", "0 %"),
        (4.12e-7, "share", "4.12e-07"),
        (48_412_210, "USD/month", "$48.4M/month"),
        (0.0968, "USD/user/month", "$0.0968/user/month"),
        (0.00012, "USD", "$0.00012"),
        (0, "USD", "$0"),
        (1.309, "×", "1.31×"),
        (14.0, "hour, UTC", "14:00 UTC"),
        (5152.0, "instances", "5,152 instances"),
        (50e6, "posts/day", "50M posts/day"),
        (500e6, "users", "500M users"),
        (7.0, "", "7"),
        (None, "bytes", "–"),
    ],
)
def test_a_figure_is_printed_with_its_unit(value: float | None, unit: str, text: str) -> None:
    assert figures.figure(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (1.2e12, 3e12, "bytes", "1.2 to 3 TB"),
        (999e9, 3e12, "bytes", "999 GB to 3 TB"),
        (10e6, 1.2e9, "users", "10M to 1.2B users"),
        (5, 5, "users", "–"),
        (None, None, "users", "–"),
        (None, 5, "users", "– to 5 users"),
    ],
)
def test_a_range_names_its_unit_once(
    low: float | None, high: float | None, unit: str, text: str
) -> None:
    assert figures.interval(low, high, unit) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0512, "+5.1 %"), (-0.2, "-20.0 %"), (1e-9, "0 %"), (None, "–")]
)
def test_a_difference_has_its_sign(value: float | None, text: str) -> None:
    assert figures.difference(value) == text
