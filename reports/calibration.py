"""A calibration in print: what each box uses, and where it was measured."""

from collections.abc import Iterator

from reports import figures
from scenarios.calibration import MEDIA_PROCESSOR, Calibration


def calibration_text(calibration: Calibration) -> str:
    """Return a table of the boxes that were measured, the slowest first."""
    return "\n".join(_lines(calibration)) + "\n"


def _lines(calibration: Calibration) -> Iterator[str]:
    yield f"{calibration.scenario}, {calibration.measured_on}"
    yield ""
    yield (
        f"{'load':>12}{'requests':>10}{'CPU/request':>14}{'busy':>8}{'played':>8}{'speed':>8}  for"
    )
    for load in calibration.loads:
        yield (
            f"{figures.rate(load.offered_per_s):>12}{figures.whole(load.requests):>10}"
            f"{figures.duration(load.cpu_s_per_request):>14}"
            f"{figures.rounded_share(load.core_utilisation):>8}"
            f"{figures.rounded_share(load.played_utilisation):>8}{load.speed:>8.2f}"
            f"  {load.used_for}"
        )
    yield ""
    yield f"{'box':22}{'mean':>10}{'95 % interval':>22}{'SCV':>8}{'visits':>8}"
    for name, box in sorted(calibration.boxes.items(), key=lambda item: -item[1].mean_s):
        low_s, high_s = box.interval_s
        interval = f"{figures.duration(low_s)} to {figures.duration(high_s)}"
        yield (
            f"{name:22}{figures.duration(box.mean_s):>10}{interval:>22}{box.scv:>8.2f}"
            f"{figures.whole(box.samples):>8}"
        )
    for name, box in calibration.boxes.items():
        if box.per_visit_s or box.wait_s:
            yield (
                f"{name}: a batch, and {figures.duration(box.per_visit_s)} for each visit in it"
                + (f"; then {figures.duration(box.wait_s)} of waiting" if box.wait_s else "")
            )
    if clips := calibration.clips:
        yield (
            f"{MEDIA_PROCESSOR}: a clip takes {figures.duration(clips.start_s)}, and "
            f"{figures.duration(clips.per_second_s)} for each second of 720p"
        )
    yield from _idling(calibration)
    if client_s := calibration.client_s.get(_ONE_REQUEST):
        yield f"client: takes {figures.duration(client_s)} of each response itself"


def _idling(calibration: Calibration) -> Iterator[str]:
    for name, work_s in calibration.wake_up_work_s.items():
        asleep_s = calibration.wake_up_s.get(name, 0.0)
        cold_s = calibration.cold_work_s.get(name, 0.0)
        yield (
            f"{name}: wakes up in {figures.duration(asleep_s)}, with {figures.duration(work_s)} "
            "of work"
            + (f", and up to {figures.duration(cold_s)} more after a long sleep" if cold_s else "")
        )
    if calibration.warm_share != 1:
        yield (
            f"visits: {figures.rounded_share(calibration.warm_share)} of what was measured on "
            "average, without the work of waking up"
        )


_ONE_REQUEST = "read_feed"
"""A flow that is one request."""
