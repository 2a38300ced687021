"""Quantities: what people write, what it means, and what is refused with which hint."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import QuantityError, ScenarioError
from scenarios.quantities import DAY_S, YEAR_S, Dimension, format_quantity, parse

MAGNITUDES = st.floats(min_value=1e-6, max_value=1e21)
SHARES = st.floats(min_value=1e-6, max_value=1)


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("500M", Dimension.COUNT, 500e6),
        ("2B", Dimension.COUNT, 2e9),
        ("1.5K", Dimension.COUNT, 1500),
        ("1T", Dimension.COUNT, 1e12),
        ("1_000_000", Dimension.COUNT, 1e6),
        ("1e6", Dimension.COUNT, 1e6),
        (42, Dimension.COUNT, 42),
        ("20MB", Dimension.SIZE, 20e6),
        ("100KB", Dimension.SIZE, 100e3),
        ("100kB", Dimension.SIZE, 100e3),
        ("4MiB", Dimension.SIZE, 4 * 1024**2),
        ("0B", Dimension.SIZE, 0),
        ("250ms", Dimension.DURATION, 0.25),
        ("1.5s", Dimension.DURATION, 1.5),
        ("10m", Dimension.DURATION, 600),
        ("24h", Dimension.DURATION, DAY_S),
        ("7d", Dimension.DURATION, 7 * DAY_S),
        ("10y", Dimension.DURATION, 10 * YEAR_S),
        ("-6h", Dimension.DURATION, -6 * 3600),
        ("10%", Dimension.SHARE, 0.1),
        ("99.999%", Dimension.SHARE, 0.99999),
        (0.1, Dimension.SHARE, 0.1),
        ("1", Dimension.SHARE, 1),
        ("2.27", Dimension.NUMBER, 2.27),
        (" 5 M ", Dimension.COUNT, 5e6),
    ],
)
def test_a_quantity_means_what_it_says(text: object, dimension: Dimension, value: float) -> None:
    assert parse(text, dimension) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("dimension", [Dimension.COUNT, Dimension.SIZE, Dimension.DURATION])
@given(value=MAGNITUDES)
def test_what_is_printed_is_read_back_to_four_digits(value: float, dimension: Dimension) -> None:
    assert parse(format_quantity(value, dimension), dimension) == pytest.approx(value, rel=5.1e-4)


@given(value=SHARES)
def test_a_share_is_read_back_to_four_digits_as_is_what_is_missing_from_one(value: float) -> None:
    read = parse(format_quantity(value, Dimension.SHARE), Dimension.SHARE)

    assert read == pytest.approx(value, rel=5.1e-4)
    if 0.99 < value < 1 - 1e-9:
        assert 1 - read == pytest.approx(1 - value, rel=5.1e-4)


@given(value=st.floats(min_value=-1e6, max_value=1e6))
def test_a_plain_number_is_read_back_to_four_digits(value: float) -> None:
    read = parse(format_quantity(value, Dimension.NUMBER), Dimension.NUMBER)

    assert read == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (500e6, Dimension.COUNT, "500M"),
        (999_999.9, Dimension.COUNT, "1M"),
        (0, Dimension.COUNT, "0"),
        (216e12, Dimension.SIZE, "216TB"),
        (8 * 1024**3, Dimension.SIZE, "8GiB"),
        (123_456_789, Dimension.SIZE, "123.5MB"),
        (142, Dimension.DURATION, "142s"),
        (90 * DAY_S, Dimension.DURATION, "90d"),
        (-21_600, Dimension.DURATION, "-6h"),
        (0, Dimension.DURATION, "0s"),
        (0.99999, Dimension.SHARE, "99.999%"),
        (1, Dimension.SHARE, "100%"),
        (123_456, Dimension.NUMBER, "123500"),
    ],
)
def test_a_quantity_is_printed_as_people_write_it(
    value: float, dimension: Dimension, text: str
) -> None:
    assert format_quantity(value, dimension) == text


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("500m", Dimension.COUNT, ["500M (million)", "minutes"]),
        ("2b", Dimension.COUNT, ["2B (billion)", "bits"]),
        ("250", Dimension.DURATION, ["250s (seconds)", "250ms (milliseconds)"]),
        (250, Dimension.DURATION, ["250s (seconds)", "250ms (milliseconds)"]),
        ("5M", Dimension.DURATION, ["5m (minutes)", "5ms (milliseconds)"]),
        ("20", Dimension.SIZE, ["20B (bytes)", "20KB (kilobytes)"]),
        (20, Dimension.SIZE, ["20B (bytes)", "20KB (kilobytes)"]),
        ("20M", Dimension.SIZE, ["20MB (decimal)", "20MiB (binary)"]),
        ("20Mb", Dimension.SIZE, ["20MB (bytes)", "bits"]),
        ("20mb", Dimension.SIZE, ["20MB (bytes)", "bits"]),
        ("20", Dimension.SHARE, ["0.1 or 10%", "20% if 20 percent was meant"]),
        ("150%", Dimension.SHARE, ["a share from 0 to 1"]),
        ("-5%", Dimension.SHARE, ["a share from 0 to 1"]),
        ("1,500", Dimension.COUNT, ["a count such as", "no commas"]),
        ("0,5", Dimension.SHARE, ["a share from 0 to 1", "no commas"]),
        ("NaN", Dimension.COUNT, ["a count such as"]),
        (math.nan, Dimension.COUNT, ["a count such as"]),
        ("inf", Dimension.NUMBER, ["a plain number"]),
        (-math.inf, Dimension.NUMBER, ["a plain number"]),
        ("1e999", Dimension.COUNT, ["a finite number"]),
        ("5parsec", Dimension.DURATION, ["250ms"]),
        ("5min", Dimension.DURATION, ["10m"]),
        ("5%", Dimension.COUNT, ["a count such as"]),
        ("", Dimension.COUNT, ["a count such as"]),
        ("M", Dimension.COUNT, ["a count such as"]),
        ("1__0", Dimension.COUNT, ["a count such as"]),
        ("\u0665", Dimension.COUNT, ["a count such as"]),
        ("5\x00", Dimension.COUNT, ["a count such as"]),
        (True, Dimension.COUNT, ["found true", "a count such as"]),
        (None, Dimension.COUNT, ["found None", "a count such as"]),
        ([5], Dimension.COUNT, ["found [5]", "a count such as"]),
    ],
)
def test_a_refused_text_is_named_with_what_was_expected(
    text: object, dimension: Dimension, expected: list[str]
) -> None:
    with pytest.raises(QuantityError) as refused:
        parse(text, dimension)

    message = str(refused.value)
    assert message.startswith("found ")
    assert [part for part in expected if part not in message] == []


def test_an_integer_of_thousands_of_digits_is_refused_as_any_other_text() -> None:
    with pytest.raises(QuantityError, match="found a number of thousands of digits, expected a"):
        parse(1 << 20_000, Dimension.COUNT)


@given(text=st.text(max_size=12), dimension=st.sampled_from(Dimension))
def test_any_text_is_a_finite_number_or_refused(text: str, dimension: Dimension) -> None:
    try:
        value = parse(text, dimension)
    except ScenarioError as error:
        assert "expected" in str(error)  # noqa: PT017 - refusing is one of the two right answers
    else:
        assert math.isfinite(value)
