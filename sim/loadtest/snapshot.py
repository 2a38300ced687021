"""A run's figures of the last seconds, as a line or two."""

from collections.abc import Sequence
from itertools import groupby

from sim.loadtest.histograms import merged, quantile_s
from sim.loadtest.measurement import Measurement, Report
from sim.loadtest.plan import Settings
from sim.loadtest.wording import told_time
from sim.results.loadtest import Level

_LAST_S = 5.0


def snapshot_line(measurement: Measurement, *, width: int) -> str:
    """Return how far a run is and what it was like over the last few seconds.

    Figures that find no room in `width` characters go to a line below.
    """
    told_s, settings = measurement.told_s, measurement.settings
    if told_s <= settings.warmup_s:
        return f"warming up {max(told_s, 0):.0f} of {settings.warmup_s:.0f} s"
    recent = [each for each in measurement.reports if each.content["to_s"] > told_s - _LAST_S]
    flows = [flow for report in recent for flow in report.content["flows"].values()]
    response = merged(flow["response"] for flow in flows)
    fresh = measurement.freshness_s()
    figures = [
        f"{told_s - settings.warmup_s:.0f} of {settings.duration_s:.0f} s",
        f"offered {_per_s(recent, 'due', settings):,.0f}/s",
        f"achieved {_per_s(recent, 'achieved', settings):,.0f}/s",
        f"errors {sum(sum(flow['errors'].values()) for flow in flows):,}",
        f"p50 {_told(quantile_s(response, 0.5))}",
        f"p99 {_told(quantile_s(response, 0.99))}",
        f"freshness {_told(max(fresh[-_CANARIES:], default=None))}",
    ]
    lines = figures[:1]
    for figure in figures[1:]:
        if len(lines[-1]) + len(figure) + 2 <= width:
            lines[-1] += f"  {figure}"
        else:
            lines.append(figure)
    return "\n".join(lines)


_CANARIES = 10


def level_line(level: Level) -> str:
    """Return one level of a search."""
    verdict = "good" if level.good else level.because
    return f"{level.offered_per_s:,.0f}/s  p99 {_told(level.p99_s)}  {verdict}"


def _per_s(reports: Sequence[Report], counter: str, settings: Settings) -> float:
    """Rate in the measured time over all generators: each adds its own."""
    total = 0.0
    ordered = sorted(reports, key=lambda report: report.worker)
    for _, group in groupby(ordered, key=lambda report: report.worker):
        own = list(group)
        span_s = sum(each.span_s(settings) for each in own)
        total += sum(each.content[counter] for each in own) / span_s if span_s else 0.0
    return total


def _told(duration_s: float | None) -> str:
    return "-" if duration_s is None else told_time(duration_s)
