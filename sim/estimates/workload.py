"""A scenario's flows with every name resolved: what each kind of request asks of each box."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scenarios.boxes import Box
from scenarios.fanout import Fanout
from scenarios.flows import Flow, Step
from scenarios.model import Scenario
from scenarios.quantities import DAY_S
from sim.estimates import feeds
from sim.estimates.items import FixedItems, Followees, ItemLaw, PulledFollowees, PushedFollowers
from sim.estimates.sheet import Sheet


@dataclass(frozen=True, slots=True)
class CacheOutcome:
    """A step's condition: the outcome of the cache step at `position` in its flow."""

    position: int
    hit: bool


@dataclass(frozen=True, slots=True)
class Habits:
    """How the workers of a box serve.

    Attributes:
        batch: visits that one may serve together.
        runs_on: the box whose workers serve its batches; empty for its own.
        wait_s: what a batch takes after it was served, the workers of `runs_on` free again. Not in
            the means, which are for sizing, as those that follow.
        gathers_s: how long a worker rests after a batch that was not full.
        wake_up_s: what one who was idle takes before it serves: a busy worker does not sleep.
        wake_up_work_s: what serving takes longer then.
        cold_work_s, cools_in_s: what it takes longer besides, the more of it the longer one was
            idle: 1 - exp(-t / cools_in_s) of it after t.
        turn_s: how long a visit keeps one before the next in line has its turn.
    """

    batch: int = 1
    runs_on: str = ""
    wait_s: float = 0.0
    gathers_s: float = 0.0
    wake_up_s: float = 0.0
    wake_up_work_s: float = 0.0
    cold_work_s: float = 0.0
    cools_in_s: float = math.inf
    turn_s: float = math.inf

    @property
    def sleeps(self) -> bool:
        """Whether it makes a difference that a worker was idle."""
        return bool(self.wake_up_s or self.wake_up_work_s or self.cold_work_s)

    def coldness(self, slept_s: float) -> float:
        """Return which part of `cold_work_s` a visit takes that finds a worker who was idle."""
        return 0.0 if math.isinf(self.cools_in_s) else -math.expm1(-slept_s / self.cools_in_s)


PLAIN = Habits()


@dataclass(frozen=True, slots=True)
class WorkStep:
    """One step of a flow, ready to be followed.

    Attributes:
        box: whose workers are visited: the step's box, or the one that it runs on.
        after: positions, in the flow, of the steps that must be done before.
        probability: share of requests that take it when its turn comes.
        hit_ratio: share of hits if it is a cache step, else None.
        outcome: what the cache step before it must have given, or None.
        items, chunk: a visit for every `chunk` items.
        base_time_s: mean service time of a visit, beside its items.
        scv: squared coefficient of variation of a visit's service time.
        time_per_item_s: seconds added for each item; for each visit of a batch likewise.
        bytes_per_item: sent by the box for each item.
        awaited: whether the answer waits for it.
        queued: whether it is pulled from the message queue.
        holds: position of the step whose worker is kept until this one is done, or None.
        keyed: whether all its visits go to one instance.
        timeout_s, retries: when the caller gives up, and how often it tries again.
        held_s: worker seconds for which a mean request keeps its worker after it was served, while
            later steps that hold it are done, as if one after the other and without waiting.
        mean_visits: visits of a mean request, conditions and probability included.
        mean_items: items of a mean request likewise.
        goes_on: whether it is served in the turn of the step before it, if that has the same worker
            and goes on itself: no other request comes in between.
        habits: of the box's workers.
    """

    name: str
    box: str
    after: tuple[int, ...]
    probability: float
    hit_ratio: float | None
    outcome: CacheOutcome | None
    items: ItemLaw
    chunk: int
    base_time_s: float
    scv: float
    time_per_item_s: float
    bytes_per_item: float
    awaited: bool
    queued: bool
    holds: int | None
    keyed: bool
    timeout_s: float | None
    retries: int
    held_s: float
    mean_visits: float
    mean_items: float
    goes_on: bool = False
    habits: Habits = PLAIN

    @property
    def mean_busy_s(self) -> float:
        """Worker seconds that a mean request takes of the box, at full batches where it has any."""
        shared_s = self.mean_visits * self.base_time_s / self.habits.batch
        return shared_s + self.mean_items * self.time_per_item_s + self.held_s

    @property
    def mean_visit_time_s(self) -> float:
        """Mean worker seconds of a visit, its items included; a batch is shared by its visits."""
        return self.mean_busy_s / self.mean_visits if self.mean_visits else self.base_time_s


@dataclass(frozen=True, slots=True)
class WorkFlow:
    """A flow, resolved: how many requests, and their steps in an order that can be followed.

    Attributes:
        requests_per_s: mean over the day, the whole system.
        visible_after: position of the step by which a post is in its followers' feeds, or None
            where posts are visible once confirmed.
        spreads_posts: whether the flow makes posts visible, so that its freshness is measured.
    """

    name: str
    title: str
    requests_per_s: float
    steps: tuple[WorkStep, ...]
    visible_after: int | None
    spreads_posts: bool


@dataclass(frozen=True, slots=True)
class BoxLoad:
    """What all flows together ask of one box on average, over the whole system.

    Attributes:
        visits_per_s: visits a second.
        mean_service_time_s: of a visit.
        service_scv: of a visit's service time, the mixture of steps included.
        bytes_per_s: sent by the box.
        pooled: whether its instances pull all their work from the message queue, so that they share
            one queue; a balancer gives each instance a queue of its own.
    """

    visits_per_s: float
    mean_service_time_s: float
    service_scv: float
    bytes_per_s: float
    pooled: bool

    @property
    def offered_load_erlangs(self) -> float:
        """Mean busy workers."""
        return self.visits_per_s * self.mean_service_time_s


@dataclass(frozen=True, slots=True)
class Workload:
    """The flows of a scenario, and the load that they put on its boxes."""

    flows: tuple[WorkFlow, ...]
    boxes: Mapping[str, BoxLoad]


def workload(sheet: Sheet) -> Workload:
    """Return the scenario's flows, resolved with the estimates of `sheet`.

    Raises:
        UnknownEstimateError: if a flow takes a figure from an estimate that does not exist.
    """
    scenario = sheet.scenario
    return Workload(
        flows=tuple(sheet.once(work_flow, name) for name in scenario.flows),
        boxes={name: sheet.once(box_load, name) for name in scenario.standing_boxes},
    )


def work_flow(sheet: Sheet, name: str) -> WorkFlow:
    """Return one flow, resolved; use with `once`."""
    key, flow = f"flows.{name}", sheet.scenario.flows[name]
    steps = sheet.once(followed_steps, name)
    positions = {step.name: position for position, step in enumerate(steps)}
    resolved: list[WorkStep] = []
    for step in steps:
        step_key = f"{key}.steps.{step.name}"
        resolved.append(_step(step, flow, positions, resolved, sheet=sheet, key=step_key))
    return WorkFlow(
        name=name,
        title=flow.title,
        requests_per_s=_requests_per_day(flow, sheet, key=f"{key}.requests") / DAY_S,
        steps=tuple(_with_held_times(resolved, hop_s=float(sheet.scenario.network.hop))),
        visible_after=positions.get(flow.visible_after),
        spreads_posts=bool(flow.visible_after),
    )


def followed_steps(sheet: Sheet, name: str) -> tuple[Step, ...]:
    """Return the steps of a flow that the scenario's design takes, in order; use with `once`."""
    return sheet.scenario.flows[name].steps_for(sheet.scenario.fanout)


def _with_held_times(steps: Sequence[WorkStep], *, hop_s: float) -> Iterator[WorkStep]:
    for position, step in enumerate(steps):
        holders = [each for each in steps if each.holds == position]
        held_s = sum(
            each.mean_visits / each.items.mean_visits(each.chunk) * (each.mean_visit_time_s + hop_s)
            for each in holders
            if each.mean_visits
        )
        yield replace(step, held_s=held_s) if holders else step


def _requests_per_day(flow: Flow, sheet: Sheet, *, key: str) -> float:
    if flow.per_user is not None:
        return flow.per_user * sheet.scenario.population.dau
    return sheet.named(flow.requests, key=key)


def _step(
    step: Step,
    flow: Flow,
    positions: Mapping[str, int],
    before: list[WorkStep],
    *,
    sheet: Sheet,
    key: str,
) -> WorkStep:
    box = sheet.scenario.boxes[step.box]
    stands_at = step.box if box.stands_alone else box.runs_on
    standing = sheet.scenario.boxes[stands_at]
    outcome = _outcome(step, flow, positions)
    probability = (
        1.0
        if step.probability is None
        else sheet.resolved(step.probability, key=f"{key}.probability")
    )
    taken = probability * (_outcome_share(outcome, before) if outcome else 1.0)
    items, chunk = _items(step, sheet, key=key)
    after = tuple(positions[name] for name in step.after or ())
    return WorkStep(
        name=step.name,
        box=stands_at,
        after=after,
        probability=probability,
        hit_ratio=None
        if step.hit_ratio is None
        else sheet.resolved(step.hit_ratio, key=f"{key}.hit_ratio"),
        outcome=outcome,
        items=items,
        chunk=chunk,
        base_time_s=float(step.service_time or box.mean_service_time_s),
        scv=float(box.service_scv if step.scv is None else step.scv),
        time_per_item_s=float(
            (box.time_per_visit if step.time_per_item is None else step.time_per_item) or 0.0
        ),
        bytes_per_item=sheet.resolved(step.bytes or 0.0, key=f"{key}.bytes"),
        awaited=step.mode == "awaited" and all(before[position].awaited for position in after),
        queued=step.mode == "queued",
        holds=positions.get(step.holds),
        keyed=step.key is not None,
        timeout_s=None if step.timeout is None else float(step.timeout),
        retries=step.retries,
        held_s=0.0,
        mean_visits=taken * items.mean_visits(chunk),
        mean_items=taken * items.mean,
        goes_on=not box.stands_alone and (box.goes_on if step.in_turn is None else step.in_turn),
        habits=_habits(standing),
    )


def _habits(box: Box) -> Habits:
    return Habits(
        batch=box.batch,
        runs_on=box.runs_on,
        wait_s=float(box.wait or 0.0),
        gathers_s=float(box.gathers or 0.0),
        wake_up_s=float(box.wake_up or 0.0),
        wake_up_work_s=float(box.wake_up_work or 0.0),
        cold_work_s=float(box.cold_work or 0.0),
        cools_in_s=math.inf if box.cools_in is None else float(box.cools_in),
        turn_s=math.inf if box.turn is None else float(box.turn),
    )


def _outcome(step: Step, flow: Flow, positions: Mapping[str, int]) -> CacheOutcome | None:
    cache = flow.cache_of(step) if step.on else ""
    # A design that leaves the cache out has no outcome: its followers are always taken.
    if cache not in positions:
        return None
    return CacheOutcome(position=positions[cache], hit=step.on == "hit")


def _outcome_share(outcome: CacheOutcome, before: list[WorkStep]) -> float:
    cache = before[outcome.position]
    hits = cache.hit_ratio or 0.0
    reached = cache.probability * (_outcome_share(cache.outcome, before) if cache.outcome else 1.0)
    return reached * (hits if outcome.hit else 1 - hits)


def _items(step: Step, sheet: Sheet, *, key: str) -> tuple[ItemLaw, int]:
    if step.visits is None:
        return FixedItems(1.0), 1
    return _item_law(step.visits.of, sheet, key=f"{key}.visits"), step.visits.chunk


def _item_law(of: float | str, sheet: Sheet, *, key: str) -> ItemLaw:
    scenario = sheet.scenario
    match of:
        case "followers":
            return PushedFollowers(
                distribution=feeds.follower_distribution(sheet),
                up_to=_push_limit(scenario),
                pushed_share=feeds.pushed_follower_share(sheet),
                usual_up_to=float(scenario.feed.push_threshold),
            )
        case "followees":
            return Followees(float(scenario.activity.followers.mean))
        case "pulled_followees":
            return PulledFollowees(feeds.pulled_followees_per_read(sheet))
        case _:
            return FixedItems(sheet.resolved(of, key=key))


def _push_limit(scenario: Scenario) -> float:
    if scenario.fanout is Fanout.HYBRID:
        return float(scenario.feed.push_threshold)
    return float(scenario.activity.followers.most)


def box_load(sheet: Sheet, name: str) -> BoxLoad:
    """Return what all flows ask of one box, and of those that it runs; use with `once`.

    Batches that run on it are counted as full ones.
    """
    visits = busy = square = sent = 0.0
    pooled = True
    for flow_name in sheet.scenario.flows:
        if not any(
            name in {step.box, sheet.scenario.boxes[step.box].runs_on}
            for step in sheet.once(followed_steps, flow_name)
        ):
            continue
        flow = sheet.once(work_flow, flow_name)
        for step in flow.steps:
            runs_on = step.habits.runs_on
            if name not in {step.box, runs_on}:
                continue
            pooled = pooled and step.queued and step.box == name
            together = step.habits.batch if runs_on == name else 1
            rate = flow.requests_per_s * step.mean_visits / together
            visits += rate
            busy += flow.requests_per_s * step.mean_busy_s
            square += rate * (1 + step.scv) * (step.mean_visit_time_s * together) ** 2
            sent += flow.requests_per_s * step.mean_items * step.bytes_per_item
    if not visits:
        box = sheet.scenario.boxes[name]
        return BoxLoad(0.0, box.mean_service_time_s, box.service_scv, 0.0, pooled=False)
    mean = busy / visits
    return BoxLoad(visits, mean, square / visits / mean**2 - 1, sent, pooled=pooled)
