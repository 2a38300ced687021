"""One machine played whole, under a load that somebody else chooses."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from scenarios.model import Scenario
from sim.engine.replication import SliceResult, SliceSpec, play
from sim.engine.sampling import Effort, sample_plan
from sim.estimates.book import open_sheet
from sim.estimates.workload import WorkFlow, Workload, WorkStep, workload

REPLICATIONS = 4
VISITS = 60_000
"""Of one replication, about; some seconds of a busy server."""

_NOTIFICATION = "notification"
_NOTIFIED = ("like", "comment")
"""The flows of the design whose last step is the notification flow."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A scenario with one instance of each box, and the requests that come to it."""

    scenario: Scenario
    work: Workload

    @property
    def utilisation(self) -> float:
        """Of the busiest box that anybody waits for, in closed form, batches full.

        From 1 on a queue grows for ever, and answers, or posts in feeds, come ever later. A box
        that neither waits for, such as what makes renditions, may have more than it can do: what
        comes after it then comes no faster than that.
        """
        busy = self._busy({})
        aside = busy.keys() - set(self._awaited_boxes())
        held_back = {box: 1 / busy[box] for box in aside if busy[box] > 1}
        if held_back:
            busy = self._busy(held_back)
        return max(share for box, share in busy.items() if box not in aside)

    def _busy(self, held_back: Mapping[str, float]) -> Mapping[str, float]:
        """Return the busy share of each box, were only these parts of visits to go on from some."""
        boxes = self.scenario.standing_boxes
        busy = dict.fromkeys(boxes, 0.0)
        for flow in self.work.flows:
            passed = _passed(flow, held_back)
            for step, share in zip(flow.steps, passed, strict=True):
                for box in {step.box, step.habits.runs_on} & busy.keys():
                    busy[box] += share * flow.requests_per_s * step.mean_busy_s
        return {box: erlangs / boxes[box].workers for box, erlangs in busy.items()}

    def _awaited_boxes(self) -> Iterator[str]:
        """Yield the boxes that answers wait for, or posts that are to be in feeds."""
        for flow in self.work.flows:
            visible = _before(flow, flow.visible_after)
            for position, step in enumerate(flow.steps):
                if step.awaited or position in visible:
                    yield from (step.box, step.habits.runs_on)

    def played(
        self, *, seed: int, replications: int = REPLICATIONS, visits: int = VISITS
    ) -> Sequence[SliceResult]:
        """Return some replications of the same load, each of about so many visits."""
        return [
            play(self._slice(seed=seed, number=number, visits=visits))
            for number in range(replications)
        ]

    def _slice(self, *, seed: int, number: int, visits: int) -> SliceSpec:
        boxes = self.scenario.standing_boxes
        plan = sample_plan(
            self.work,
            load_share=1.0,
            instances=dict.fromkeys(boxes, 1),
            workers={name: box.workers for name, box in boxes.items()},
            # No flow is followed more often than it comes: the machine is played whole.
            effort=Effort(visits=visits, least_measured_s=0.0, requests_per_flow=0.0),
        )
        return SliceSpec(
            flows=self.work.flows,
            rates_per_s={flow.name: flow.requests_per_s for flow in self.work.flows},
            plan=plan,
            balancers={name: box.balancer for name, box in boxes.items()},
            hop_s=float(self.scenario.network.hop),
            seed=seed,
            number=number,
        )


def _before(flow: WorkFlow, position: int | None) -> AbstractSet[int]:
    """Return a step's position with those of all that must be done before it."""
    found: set[int] = set()
    left = [] if position is None else [position]
    while left:
        found.add(each := left.pop())
        left += flow.steps[each].after
    return found


def _passed(flow: WorkFlow, held_back: Mapping[str, float]) -> Sequence[float]:
    """Return, of each step, which part of its visits comes there; some boxes let a part go on."""
    passed: list[float] = []
    for step in flow.steps:
        before = (passed[each] * held_back.get(flow.steps[each].box, 1.0) for each in step.after)
        passed.append(min(before, default=1.0))
    return passed


def machine_under(
    scenario: Scenario, rates_per_s: Mapping[str, float], *, speed: float = 1.0
) -> Machine:
    """Return a machine under these requests a second, by flow.

    A flow that no client asks for, such as a notification, comes as often as those that are asked
    for bring it in the scenario's own mix. `speed` is how fast the machine is, over that of the
    scenario's times; a disk is as fast as ever.
    """
    work = open_sheet(scenario).once(workload)
    asked = sum(flow.requests_per_s for flow in work.flows if flow.name in rates_per_s)
    own = {flow.name: flow.requests_per_s for flow in work.flows}
    flows = []
    for flow in work.flows:
        if flow.name in rates_per_s:
            rate = rates_per_s[flow.name]
        elif flow.name == _NOTIFICATION:
            rate = flow.requests_per_s * _growth(own, rates_per_s)
        else:
            rate = flow.requests_per_s * sum(rates_per_s.values()) / asked if asked else 0.0
        flows.append(_at_speed(replace(flow, requests_per_s=rate), speed))
    return Machine(scenario, Workload(flows=tuple(flows), boxes=work.boxes))


def busiest(scenario: Scenario, results: Sequence[SliceResult]) -> float:
    """Return the busy part of the time of the busiest workers that boxes run on, as played.

    Of all workers, where each box has its own.
    """
    hosts = {box.runs_on for box in scenario.boxes.values() if box.runs_on}
    return max(mean_busy(results, box) for box in hosts or results[0].utilisation)


def mean_busy(results: Sequence[SliceResult], box: str) -> float:
    """Return the busy part of the time of a box's workers, by what was played."""
    return sum(result.utilisation[box] for result in results) / len(results)


def wake_ups_per_s(results: Sequence[SliceResult], box: str) -> float:
    """Return how often an idle worker of a box was woken in a second, as played."""
    measured_s = sum(result.measured_s for result in results)
    return sum(result.wake_ups[box] for result in results) / measured_s


def coldness_per_s(results: Sequence[SliceResult], box: str) -> float:
    """Return how many wake-ups after a long sleep a second those of a box amount to, as played."""
    measured_s = sum(result.measured_s for result in results)
    return sum(result.coldness[box] for result in results) / measured_s


def _growth(own_per_s: Mapping[str, float], rates_per_s: Mapping[str, float]) -> float:
    own = sum(own_per_s.get(name, 0.0) for name in _NOTIFIED)
    return sum(rates_per_s.get(name, 0.0) for name in _NOTIFIED) / own if own else 0.0


def _at_speed(flow: WorkFlow, speed: float) -> WorkFlow:
    return replace(flow, steps=tuple(_step_at_speed(step, speed) for step in flow.steps))


def _step_at_speed(step: WorkStep, speed: float) -> WorkStep:
    habits = replace(
        step.habits,
        wake_up_s=step.habits.wake_up_s / speed,
        wake_up_work_s=step.habits.wake_up_work_s / speed,
        cold_work_s=step.habits.cold_work_s / speed,
        turn_s=step.habits.turn_s / speed,
    )
    return replace(
        step,
        base_time_s=step.base_time_s / speed,
        time_per_item_s=step.time_per_item_s / speed,
        held_s=step.held_s / speed,
        habits=habits,
    )
