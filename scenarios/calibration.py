"""What was measured on a machine: the file that `calibrate` writes and scenarios take figures from.

Like `--set`, a calibration is laid over a scenario's tables before they are validated: a box that
was measured gets the measured mean and variability of its service, each with its source; what was
not measured stays as the scenario assumes it.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from scenarios.errors import CalibrationError, Problem, nearest, shown
from scenarios.overrides import Table
from scenarios.section import Name

FORMAT_VERSION = 2
MEDIA_PROCESSOR = "media_processor"
MEASURED = "measured on"
"""How the source of a measured figure begins."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]


class _Part(BaseModel):
    """A table of a calibration file: closed to unknown keys, never changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Part):
    """The machine that was measured.

    Attributes:
        server_cores: how many of its `cores` were the server's.
        yardstick_s: CPU seconds of a fixed piece of Python there, beside the loads.
    """

    cpu: str
    cores: Count
    server_cores: Count
    kernel: str
    yardstick_s: PositiveSeconds


class Versions(_Part):
    """What ran on it."""

    socialfeed: str
    python: str
    sqlite: str
    aiohttp: str


class Load(_Part):
    """One of the loads that were measured.

    Attributes:
        offered_per_s: requests a second of the load generator, those of the sampler beside it.
        requests: answered while it was measured.
        cpu_s_per_request: of the whole server, work in the background included.
        core_utilisation: part of the time that the server's cores worked, were the machine as fast
            as in the median of the loads.
        played_utilisation: the same part when the calibrated model plays this load.
        speed: of the machine over that of the median of the loads.
        used_for: whether service times were taken from it, the cost of batches alone, or waiting.
    """

    offered_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    requests: Count
    cpu_s_per_request: Seconds
    core_utilisation: Ratio
    played_utilisation: Ratio
    speed: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    used_for: Literal["service", "batches", "waiting"]


class Service(_Part):
    """Service times of visits: all that one request does at a box is one visit.

    Attributes:
        mean_s, scv: mean and squared coefficient of variation.
        interval_s: 95 % confidence interval of the mean.
        samples: visits measured.
        event_loop_s, threads_s: the parts of the mean on the event loop and on the store's threads.
    """

    mean_s: PositiveSeconds
    scv: Ratio
    interval_s: tuple[Seconds, Seconds]
    samples: Count
    event_loop_s: Seconds = 0.0
    threads_s: Seconds = 0.0


class Bin(_Part):
    """How many visits took up to `up_to_s`, and longer than the bin before says."""

    up_to_s: PositiveSeconds
    visits: Count


class BoxService(Service):
    """A box: over all flows, and by flow.

    Attributes:
        histogram: of service times, shorter bins first.
        per_visit_s: where visits are served in batches: what each adds to its batch's time.
        wait_s: what a batch takes beside, the core free again.
        flows: the same of the visits of one flow, by its name.
    """

    histogram: tuple[Bin, ...] = ()
    per_visit_s: Seconds = 0.0
    wait_s: Seconds = 0.0
    flows: dict[Name, Service] = Field(default_factory=dict)


class Clips(_Part):
    """What the renditions of a video take: CPU seconds of the processes that make them.

    Attributes:
        start_s: of any clip.
        per_second_s: of each second of a clip of 720p beside.
        lengths_s: of the clips that were rendered, one after the other.
        used_s: what each took.
    """

    start_s: Seconds
    per_second_s: PositiveSeconds
    lengths_s: Annotated[tuple[PositiveSeconds, ...], Field(min_length=2)]
    used_s: tuple[PositiveSeconds, ...]


class FlowVisits(_Part):
    """Where the requests of a flow went.

    Attributes:
        samples: requests followed.
        visited: by box, the share of them that came there.
    """

    samples: Count
    visited: dict[Name, Annotated[float, Field(ge=0, le=1)]]


class Calibration(_Part):
    """A calibration file; see docs/validation.md for how each figure is measured.

    Attributes:
        measured_at: when, with its offset from UTC.
        scenario: whose traffic was the load.
        users: of the world that was served.
        flows: where the requests of each flow went.
        clips: what the renditions of a video took; the pictures' are those of the box.
        wake_up_s: by box, what an idle worker took before it served.
        wake_up_work_s: by box, what serving took longer then.
        cold_work_s: by box, what it took longer besides after a long sleep.
        cools_in_s: by box, how its work was taken to grow with sleep when `cold_work_s` was found.
        warm_share: of what a visit was measured to take on average, the part that is left when
            what waking up takes is told apart; the boxes' times have been reduced to it.
        client_s: by flow, what the load generator itself takes of a median response: it is in what
            a load test measures, and not in what the server does.
        file: that it was read from; empty if from none.
    """

    format_version: Literal[2]
    measured_at: datetime
    scenario: str
    users: Count
    machine: Machine
    versions: Versions
    loads: Annotated[tuple[Load, ...], Field(min_length=1)]
    boxes: Annotated[dict[Name, BoxService], Field(min_length=1)]
    flows: dict[Name, FlowVisits] = Field(default_factory=dict)
    clips: Clips | None = None
    wake_up_s: dict[Name, Seconds] = Field(default_factory=dict)
    wake_up_work_s: dict[Name, Seconds] = Field(default_factory=dict)
    cold_work_s: dict[Name, Seconds] = Field(default_factory=dict)
    cools_in_s: dict[Name, PositiveSeconds] = Field(default_factory=dict)
    warm_share: Ratio = 1.0
    client_s: dict[Name, Seconds] = Field(default_factory=dict)
    file: str = Field(default="", exclude=True)

    @property
    def measured_on(self) -> str:
        """Where and when, in words, with the file that says so."""
        told = f" (calibration {self.file})" if self.file else ""
        return f"{MEASURED} {self.machine.cpu}, {self.measured_at:%Y-%m-%d}{told}"


def read_calibration(path: Path) -> Calibration:
    """Return the calibration of that file.

    Raises:
        CalibrationError: if it cannot be read, or is no calibration: names file and keys.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CalibrationError(file=str(path), problems=[Problem("", reason)]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = f"not a TOML file: {error}"
        raise CalibrationError(file=str(path), problems=[Problem("", reason)]) from None
    try:
        return Calibration.model_validate(table).model_copy(update={"file": str(path)})
    except ValidationError as error:
        raise CalibrationError(file=str(path), problems=_problems(error)) from None


def _problems(error: ValidationError) -> list[Problem]:
    return [
        Problem(".".join(map(str, detail["loc"])), _message(detail))
        for detail in error.errors(include_url=False)
    ]


def _message(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "found nothing, expected a value: the key is missing"
        case "extra_forbidden":
            return f"unknown key{nearest(str(detail['loc'][-1]), _KEYS)}"
        case _:
            expected = detail["msg"].removeprefix("Input should be ")
            return f"found {shown(detail['input'])}, expected {expected}"


_KEYS = {
    key
    for part in (Calibration, Machine, Versions, Load, BoxService, Clips, FlowVisits, Bin)
    for key in part.model_fields
}


def is_measured(source: str) -> bool:
    """Whether the source of a figure says that a calibration has measured it."""
    return source.startswith(MEASURED)


def calibrated(table: Mapping[str, Any], calibration: Calibration) -> Table:
    """Return a scenario's tables with what was measured in place of what they assume.

    A box takes its mean, SCV and wake-up time. Steps of a flow that was measured at the box take
    that flow's, unless they have a time of their own, which says something else than a whole visit;
    the others of one flow at one box share it evenly. They take the share of requests that came
    there, too, unless a cache decides about that. A step of the media processor with a time for
    each item is one that renders clips, second by second.

    Raises:
        CalibrationError: if it has measured no box of the scenario.
    """
    boxes = table.get("boxes")
    if not isinstance(boxes, Mapping):
        return dict(table)
    source = calibration.measured_on
    changed = {name: _with_box(box, name, calibration) for name, box in boxes.items()}
    if changed == boxes:
        found = ", ".join(sorted(calibration.boxes))
        reason = f"found {found}, expected at least one box of the scenario"
        raise CalibrationError(file=calibration.file, problems=[Problem("boxes", reason)])
    flows, fanout = table.get("flows"), str(table.get("fanout", ""))
    if not isinstance(flows, Mapping):
        return {**table, "boxes": changed}
    steps = {
        name: _with_steps(flow, name, calibration, source=source, fanout=fanout)
        for name, flow in flows.items()
    }
    return {**table, "boxes": changed, "flows": steps}


def _with_box(box: object, name: str, calibration: Calibration) -> object:
    if not isinstance(box, Mapping):
        return box
    changed = dict(box)
    source = calibration.measured_on
    if name in calibration.boxes:
        measured = calibration.boxes[name]
        changed.pop("service_histogram", None)
        changed |= _figures(measured, source)
        if box.get("batch", 1) != 1:
            changed["time_per_visit"] = _figure(measured.per_visit_s, source)
            changed["wait"] = _figure(measured.wait_s, source)
    for key, found in (
        ("wake_up", calibration.wake_up_s),
        ("wake_up_work", calibration.wake_up_work_s),
        ("cold_work", calibration.cold_work_s),
    ):
        if name in found:
            changed[key] = _figure(found[name], source)
    if name in calibration.cools_in_s:
        # The one was found with the other: a box that cools otherwise would take something else.
        changed["cools_in"] = _figure(
            calibration.cools_in_s[name], f"assumption with which cold_work was {source}"
        )
    return changed


def _figure(duration_s: float, source: str) -> Table:
    return {"value": _microseconds(duration_s), "source": source}


def _with_steps(
    flow: object, name: str, calibration: Calibration, *, source: str, fanout: str
) -> object:
    if not isinstance(flow, Mapping) or not isinstance(flow.get("steps"), list):
        return flow
    coming = Counter(
        str(step.get("box"))
        for step in flow["steps"]
        if isinstance(step, Mapping) and fanout in step.get("when", (fanout,))
        if not _OWN_TIMES & step.keys()
    )
    steps = [
        _with_step(step, name, calibration, source=source, times=coming) for step in flow["steps"]
    ]
    return {**flow, "steps": steps}


def _with_step(
    step: object,
    flow: str,
    calibration: Calibration,
    *,
    source: str,
    times: Mapping[str, int],
) -> object:
    if not isinstance(step, Mapping):
        return step
    name = str(step.get("box"))
    if calibration.clips and name == MEDIA_PROCESSOR and "time_per_item" in step:
        return {**step, **_clip_figures(calibration.clips, source)}
    if _OWN_TIMES & step.keys():
        return step
    box = calibration.boxes.get(name)
    shared_by = max(times.get(name, 1), 1)
    figures = (
        _figures(box.flows[flow], source, shared_by=shared_by) if box and flow in box.flows else {}
    )
    visited = calibration.flows[flow].visited if flow in calibration.flows else {}
    if name in visited and not _CONDITIONS & step.keys():
        figures["probability"] = {"value": visited[name], "source": source}
    return {**step, **figures}


def _clip_figures(clips: Clips, source: str) -> Table:
    counted = f"{source}: {len(clips.lengths_s)} clips"
    return {
        "service_time": _figure(max(clips.start_s, _LEAST_S), counted),
        "time_per_item": _figure(clips.per_second_s, counted),
    }


_LEAST_S = 1e-6
"""No service takes no time."""

_OWN_TIMES = {"service_time", "time_per_item"}
"""Keys of a step that say something else than a whole visit."""

_CONDITIONS = {"on", "hit_ratio"}
"""Keys of a step that let a cache decide whether it is taken."""


def _figures(service: Service, source: str, *, shared_by: int = 1) -> Table:
    # An interval down to nothing is told as one down to nearly that: no service takes no time.
    low_s, high_s = max(service.interval_s[0], service.mean_s / 1000), service.interval_s[1]
    shared = "" if shared_by == 1 else f", shared by {shared_by} steps"
    counted = f"{source}: {service.samples} visits{shared}"
    return {
        "service_time": {
            "value": _microseconds(service.mean_s / shared_by),
            "low": _microseconds(min(low_s, service.mean_s) / shared_by),
            "high": _microseconds(max(high_s, service.mean_s) / shared_by),
            "source": counted,
        },
        "scv": {"value": service.scv, "source": counted},
    }


def _microseconds(duration_s: float) -> str:
    return f"{duration_s * 1e6:.6f}us"
