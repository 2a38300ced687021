"""Histograms of times that merge without loss: HDR histograms in microseconds.

Source: G. Tene, HdrHistogram; three significant digits keep every value within 0.1 %.
"""

from collections.abc import Iterable

from hdrh.histogram import HdrHistogram

LONGEST_S = 600.0
_US = 1_000_000
_DIGITS = 3


def new_histogram() -> HdrHistogram:
    """Return an empty histogram from 1 µs to `LONGEST_S`."""
    return HdrHistogram(1, int(LONGEST_S * _US), _DIGITS)


def microseconds(duration_s: float) -> int:
    """Return the duration as a histogram records it: at least 1 µs, at most `LONGEST_S`."""
    return max(1, min(round(duration_s * _US), int(LONGEST_S * _US)))


def encoded(histogram: HdrHistogram) -> str:
    """Return the histogram as text that travels."""
    return str(histogram.encode().decode("ascii"))


def merged(texts: Iterable[str]) -> HdrHistogram:
    """Return the sum of histograms that have travelled."""
    total = new_histogram()
    for text in texts:
        total.add(HdrHistogram.decode(text))
    return total


def quantile_s(histogram: HdrHistogram, share: float) -> float | None:
    """Return what a `share` of the values do not exceed, seconds.

    None if fewer than one value is expected beyond it, since it would then tell the largest value.
    """
    count = histogram.get_total_count()
    if count * (1 - share) < 1 - _ROUNDING:
        return None
    return float(histogram.get_value_at_percentile(share * 100)) / _US


_ROUNDING = 1e-9


def mean_s(histogram: HdrHistogram) -> float | None:
    """Return the mean, or None of nothing."""
    if not histogram.get_total_count():
        return None
    return float(histogram.get_mean_value()) / _US


def largest_s(histogram: HdrHistogram) -> float | None:
    """Return the largest value, or None of nothing."""
    return float(histogram.get_max_value()) / _US if histogram.get_total_count() else None
