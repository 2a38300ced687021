"""Runs as generators tell of them: made with the recorder that they use."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.loadtest.driver.recorder import Recorder, Timing
from sim.loadtest.measurement import Measurement, Report
from sim.loadtest.plan import Load, Settings

SETTINGS = Settings(
    url="http://127.0.0.1:8080",
    load=Load.OPEN,
    warmup_s=1.0,
    duration_s=4.0,
    posts_per_page=20,
    text_characters=100,
    users=0,
    think_s=0.0,
    seed=1,
)


def recorder() -> Recorder:
    """A recorder of a generator on core 1 of some machine."""
    return Recorder(start_s=0.0, place={"machine": "one", "cores": [1]})


def answered(found: Recorder, flow: str, response_s: float, *, lag_s: float = 0.0) -> None:
    """Record a request that was due, sent and answered."""
    found.due(flow)
    found.sent(lag_s, in_time=True)
    found.answered(flow, Timing(0.0, lag_s, response_s))
    found.now.achieved += 1


def interval(found: Recorder, from_s: float, to_s: float, **more: object) -> dict[str, Any]:
    """Return what a recorder has, as told of some time."""
    return {**found.cut(), "from_s": from_s, "to_s": to_s, "cpu_s": 0.1 * (to_s - from_s), **more}


def second(number: int, *, requests: int = 100, **more: object) -> dict[str, Any]:
    """Return a second of quick answers."""
    found = recorder()
    for _ in range(requests):
        answered(found, "read_feed", 0.003)
    return interval(found, float(number), number + 1.0, **more)


def run(
    intervals: Sequence[Mapping[str, Any]] = (),
    *,
    workers: Sequence[int] = (),
    load: Load = Load.OPEN,
) -> Measurement:
    """Return a whole run; by default its four seconds are measured without a fault."""
    told = intervals or [second(0, requests=0), *(second(number) for number in range(1, 5))]
    of = workers or [0] * len(told)
    return Measurement(
        replace(SETTINGS, load=load),
        begun_s=0.0,
        reports=[Report(worker, content) for worker, content in zip(of, told, strict=True)],
        planned=sum(each["due"] for each in told),
        generators=len(set(of)),
        ended=True,
        sent_until_s=5.0,
    )
