"""Small systems for the engine: boxes, steps and flows straight from their records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.engine.replication import SliceResult, SliceSpec, play
from sim.engine.sampling import BoxSample, Effort, SamplePlan, sample_plan
from sim.estimates.items import FixedItems, ItemLaw
from sim.estimates.workload import PLAIN, CacheOutcome, Habits, WorkFlow, Workload, WorkStep

ONE = FixedItems(1.0)


@dataclass(frozen=True, slots=True)
class Takes:
    """Who takes a step, and in what form; the defaults are one awaited visit by everyone.

    `share` is the share of requests that take it, where a cache's outcome decides.
    """

    probability: float = 1.0
    hit_ratio: float | None = None
    outcome: CacheOutcome | None = None
    share: float = 1.0
    items: ItemLaw = ONE
    chunk: int = 1
    time_per_item_s: float = 0.0
    awaited: bool = True
    holds: int | None = None
    keyed: bool = False
    timeout_s: float | None = None
    retries: int = 0
    goes_on: bool = False
    habits: Habits = PLAIN


ALL = Takes()


def step(
    box: str,
    mean_s: float = 1.0,
    *,
    scv: float = 1.0,
    after: tuple[int, ...] = (),
    name: str = "",
    takes: Takes = ALL,
) -> WorkStep:
    """Return a step that visits `box` once the steps at the positions `after` are done."""
    taken = takes.probability * takes.share
    return WorkStep(
        name=name or box,
        box=box,
        after=after,
        probability=takes.probability,
        hit_ratio=takes.hit_ratio,
        outcome=takes.outcome,
        items=takes.items,
        chunk=takes.chunk,
        base_time_s=mean_s,
        scv=scv,
        time_per_item_s=takes.time_per_item_s,
        bytes_per_item=0.0,
        awaited=takes.awaited,
        queued=False,
        holds=takes.holds,
        keyed=takes.keyed,
        timeout_s=takes.timeout_s,
        retries=takes.retries,
        held_s=0.0,
        mean_visits=taken * takes.items.mean_visits(takes.chunk),
        mean_items=taken * takes.items.mean,
        goes_on=takes.goes_on,
        habits=takes.habits,
    )


def flow(
    *steps: WorkStep,
    rate_per_s: float = 1.0,
    name: str = "read",
    visible_after: int | None = None,
    spreads_posts: bool = False,
) -> WorkFlow:
    """Return a flow of these steps."""
    return WorkFlow(
        name=name,
        title=name,
        requests_per_s=rate_per_s,
        steps=steps,
        visible_after=visible_after,
        spreads_posts=spreads_posts,
    )


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances of a box, and how a visit finds one."""

    workers: int = 1
    instances: int = 1
    balancer: str = "random"


@dataclass(frozen=True, slots=True)
class System:
    """Flows through fleets; `hop_s` is the round trip between two boxes."""

    flows: Sequence[WorkFlow]
    fleets: Mapping[str, Fleet] = field(default_factory=dict)
    hop_s: float = 0.0

    def fleet(self, box: str) -> Fleet:
        """Return a box's fleet: one worker where nothing is said."""
        return self.fleets.get(box, Fleet())

    def boxes(self) -> dict[str, Fleet]:
        """Return the fleets of all boxes that are visited, in order."""
        return {step.box: self.fleet(step.box) for flow in self.flows for step in flow.steps}


def whole(system: System, *, measured_s: float, warmup_s: float) -> SamplePlan:
    """Return the plan that follows every request through every instance."""
    return SamplePlan(
        boxes={
            box: BoxSample(
                box=box,
                instances=fleet.instances,
                sampled=fleet.instances,
                workers=fleet.workers,
                pooled=False,
                visits=(),
                batches=(),
                habits=next(
                    step.habits for flow in system.flows for step in flow.steps if step.box == box
                ),
            )
            for box, fleet in system.boxes().items()
        },
        followed={flow.name: 1.0 for flow in system.flows},
        common_share=1.0,
        measured_s=measured_s,
        warmup_s=warmup_s,
    )


def sampled(system: System, *, effort: Effort) -> SamplePlan:
    """Return the plan that the program makes for a run of that effort."""
    boxes = system.boxes()
    return sample_plan(
        Workload(flows=tuple(system.flows), boxes={}),
        load_share=1.0,
        instances={box: fleet.instances for box, fleet in boxes.items()},
        workers={box: fleet.workers for box, fleet in boxes.items()},
        effort=effort,
    )


def spec(system: System, plan: SamplePlan, *, seed: int = 1, number: int = 0) -> SliceSpec:
    """Return the slice to play."""
    return SliceSpec(
        flows=tuple(system.flows),
        rates_per_s={flow.name: flow.requests_per_s for flow in system.flows},
        plan=plan,
        balancers={box: fleet.balancer for box, fleet in system.boxes().items()},
        hop_s=system.hop_s,
        seed=seed,
        number=number,
    )


def played(
    system: System, *, measured_s: float, warmup_s: float = 0.0, seed: int = 1
) -> SliceResult:
    """Play a whole system once."""
    return play(spec(system, whole(system, measured_s=measured_s, warmup_s=warmup_s), seed=seed))
