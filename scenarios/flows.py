"""The flows of the design: which boxes a request visits, in which order, and what waits for what.

Steps form a directed acyclic graph. A step comes after the one before it in the file unless `after`
says otherwise; steps with the same `after` run in parallel.
"""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from scenarios.assumption import (
    BytesOrName,
    Number,
    NumberOrName,
    PerUserPerDay,
    PositiveSeconds,
    Seconds,
    Share,
    ShareOrName,
)
from scenarios.fanout import Fanout
from scenarios.section import Section


class FlowProblem(ValueError):
    """A flow whose steps cannot be followed; names the step and its key."""


class Visits(Section):
    """How often a step visits its box: items divided into chunks.

    Attributes:
        of: how many items there are: a number, the name of an estimate, or a figure that differs
            from request to request: `followers` of the author, `followees` of the reader, or
            `pulled_followees`, those whose posts are not pushed. A number with a fraction gives one
            more item with that probability.
        chunk: items in one visit; there are as many visits as it takes.
    """

    of: NumberOrName
    chunk: Annotated[int, Field(ge=1)] = 1


def _visits(raw: object) -> object:
    return raw if isinstance(raw, Mapping | Visits) else {"of": raw}


class Step(Section):
    """One visit, or several alike, of a request to a box.

    Attributes:
        box: the box visited.
        name: unique in its flow; the box's name if not given.
        doc: number of the step in the design document; empty for a step of ours.
        after: names of the steps that must be done first; the step before it if not given.
        when: fan-out designs that have this step; all if not given.
        hit_ratio: makes this a cache step: the share of hits, or the name of an estimate of it.
        on: only after a `hit` or a `miss` of the cache step `of` (the nearest before, if not given).
        probability: share of requests that take this step.
        visits: how often the box is visited, all visits at once.
        service_time, scv: of a visit, where they differ from the box's.
        time_per_item: seconds added for each item of a visit.
        bytes: sent by the box for each item, or the name of an estimate of them.
        key: visits with the same key go to the same instance.
        mode: `awaited` by the caller, in the `background` after the answer, or `queued`: pulled
            from the message queue by the box. What follows a step not awaited is not awaited either.
        holds: an earlier step whose worker is kept until this step is done.
        timeout: seconds after which the caller gives up waiting for this step.
        retries: further tries after a timeout; the request fails when they are used up.
    """

    box: str
    name: str = ""
    doc: str = ""
    after: tuple[str, ...] | None = None
    when: tuple[Fanout, ...] = tuple(Fanout)
    hit_ratio: ShareOrName | None = None
    on: Literal["hit", "miss"] | None = None
    of: str = ""
    probability: Share | None = None
    visits: Annotated[Visits, BeforeValidator(_visits)] | None = None
    service_time: PositiveSeconds | None = None
    scv: Number | None = None
    time_per_item: Seconds | None = None
    bytes: BytesOrName | None = None
    key: Literal["user", "post", "author", "follower"] | None = None
    mode: Literal["awaited", "background", "queued"] = "awaited"
    holds: str = ""
    timeout: PositiveSeconds | None = None
    retries: Annotated[int, Field(ge=0, le=10)] = 0


class Flow(Section):
    """A kind of request and the steps it takes.

    Attributes:
        title: what the user does.
        requests: the name of an estimate of how many there are in a day, or
        per_user: how many an active user makes in a day.
        visible_after: the step by which a post has reached its followers' feeds.
        steps: in the design document's order.
    """

    title: str
    requests: str = ""
    per_user: PerUserPerDay | None = None
    visible_after: str = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _name_steps(cls, raw: object) -> object:
        # Defaults that depend on a step's neighbours are written out here, so that every step
        # that reaches the model is complete.
        if not isinstance(raw, Mapping) or not isinstance(raw.get("steps"), Sequence):
            return raw
        return {**raw, "steps": list(_completed(raw["steps"]))}

    @model_validator(mode="after")
    def _can_be_followed(self) -> "Flow":
        if bool(self.requests) == (self.per_user is not None):
            message = "expected either requests (an estimate's name) or per_user (a number a day)"
            raise ValueError(message)
        names = [step.name for step in self.steps]
        for position, name in enumerate(names):
            if name in names[:position]:
                message = f"steps.{name}: found two steps of this name, expected one"
                raise FlowProblem(message)
        for step in self.steps:
            self._check_references(step, names)
        self._check_order()
        if self.visible_after and self.visible_after not in names:
            message = f"visible_after: found {self.visible_after!r}, expected one of {names}"
            raise FlowProblem(message)
        return self

    def _check_references(self, step: Step, names: Sequence[str]) -> None:
        references = {"after": step.after or (), "holds": (step.holds,), "of": (step.of,)}
        for key, targets in references.items():
            for target in targets:
                if target and target not in names:
                    message = (
                        f"steps.{step.name}.{key}: found {target!r}, "
                        f"expected a step of this flow: {', '.join(names)}"
                    )
                    raise FlowProblem(message)
        if step.on and not self.cache_of(step):
            message = (
                f"steps.{step.name}.on: found {step.on!r}, expected an earlier cache step "
                "(one with hit_ratio) to refer to"
            )
            raise FlowProblem(message)

    def _check_order(self) -> None:
        try:
            list(self._sorter(self.steps).static_order())
        except CycleError as error:
            cycle = " -> ".join(error.args[1])
            message = f"steps: found a cycle that never ends ({cycle}), expected steps in order"
            raise FlowProblem(message) from None

    @staticmethod
    def _sorter(steps: Sequence[Step]) -> TopologicalSorter[str]:
        return TopologicalSorter({step.name: step.after or () for step in steps})

    def cache_of(self, step: Step) -> str:
        """Name of the cache step whose outcome `step` depends on; empty if there is none."""
        if step.of:
            return step.of
        earlier = ""
        for candidate in self.steps:
            if candidate.name == step.name:
                break
            if candidate.hit_ratio is not None:
                earlier = candidate.name
        return earlier

    def steps_for(self, fanout: Fanout) -> tuple[Step, ...]:
        """Steps that this design takes, each after those it waits for.

        A step that the design leaves out is bridged: what came after it comes after what was
        before it.
        """
        kept = {step.name: step for step in self.steps if fanout in step.when}
        after = {step.name: step.after or () for step in self.steps}

        def bridged(names: Sequence[str]) -> Iterator[str]:
            for name in names:
                if name in kept:
                    yield name
                else:
                    yield from bridged(after[name])

        steps = {
            name: step.model_copy(update={"after": tuple(dict.fromkeys(bridged(after[name])))})
            for name, step in kept.items()
        }
        order = self._sorter(tuple(steps.values())).static_order()
        return tuple(steps[name] for name in order)


def _completed(steps: Sequence[object]) -> Iterator[object]:
    previous: tuple[str, ...] = ()
    for raw in steps:
        if not isinstance(raw, Mapping):
            yield raw
            continue
        name = raw.get("name") or raw.get("box") or ""
        after = raw.get("after", previous)
        yield {**raw, "name": name, "after": [after] if isinstance(after, str) else after}
        previous = (name,) if isinstance(name, str) else ()
