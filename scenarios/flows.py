"""The flows of the design: which boxes a request visits, in which order, and what waits for what.

Steps form a directed acyclic graph. A step comes after the one before it in the file unless `after`
says otherwise; steps with the same `after` run in parallel.
"""

from collections import Counter
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
    ShareOrName,
)
from scenarios.errors import ImpossibleValueError, nearest
from scenarios.fanout import Fanout
from scenarios.section import Name, Section

MOST_VISITS = 1_000
"""Visits that one request may make in one step; each is simulated."""


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
    chunk: Annotated[int, Field(strict=True, ge=1)] = 1

    @model_validator(mode="after")
    def _can_be_made(self) -> "Visits":
        visits = 0 if isinstance(self.of, str) else self.of / self.chunk
        if visits > MOST_VISITS:
            raise ImpossibleValueError(
                key="of",
                found=f"{visits:,.0f} visits of one request",
                expected=f"at most {MOST_VISITS:,}, such as with a larger chunk",
            )
        return self


def _visits(raw: object) -> object:
    return raw if isinstance(raw, Mapping | Visits) else {"of": raw}


def _names(raw: object) -> object:
    return (raw,) if isinstance(raw, str) else raw


class Step(Section):
    """One visit, or several alike, of a request to a box.

    Attributes:
        box: the box visited.
        name: unique in its flow; the box's name if not given.
        doc: number of the step in the design document; empty for a step of ours.
        after: names of the steps that must be done first; the step before it if not given.
        when: fan-out designs that have this step; all if not given.
        hit_ratio: makes this a cache step: the share of hits, or the name of an estimate of it.
        on: only after a `hit` or a `miss` of a cache step.
        of: that cache step; the nearest above in the file, if not given.
        probability: share of requests that take this step, or the name of an estimate of it.
        visits: how often the box is visited, all visits at once.
        service_time, scv: of a visit, where they differ from the box's.
        time_per_item: seconds added for each item of a visit.
        bytes: sent by the box for each item, or the name of an estimate of them.
        key: visits with the same key go to the same instance.
        mode: `awaited` by the caller, in the `background` after the answer, or `queued`: pulled
            from the message queue by the box. What follows a step that is not awaited is not
            awaited either.
        holds: an earlier step whose worker is kept until this step is done.
        in_turn: whether the step goes on in the turn of the step before it, if both are at the same
            workers: no other request comes in between. If not given, work on a store does not.
        timeout: seconds after which the caller gives up waiting for this step.
        retries: further tries after a timeout; the request fails when they are used up.
    """

    box: Name
    name: Name = ""
    doc: str = ""
    after: Annotated[
        tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str | tuple[str, ...])
    ] = ()
    when: tuple[Fanout, ...] = tuple(Fanout)
    hit_ratio: ShareOrName | None = None
    on: Literal["hit", "miss"] | None = None
    of: str = ""
    probability: ShareOrName | None = None
    visits: (
        Annotated[Visits, BeforeValidator(_visits, json_schema_input_type=NumberOrName | Visits)]
        | None
    ) = None
    service_time: PositiveSeconds | None = None
    scv: Number | None = None
    time_per_item: Seconds | None = None
    bytes: BytesOrName | None = None
    key: Literal["user", "post", "author", "follower"] | None = None
    mode: Literal["awaited", "background", "queued"] = "awaited"
    holds: str = ""
    in_turn: bool | None = None
    timeout: PositiveSeconds | None = None
    retries: Annotated[int, Field(strict=True, ge=0, le=10)] = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> "Step":
        if self.of and not self.on:
            raise ImpossibleValueError(
                key="of", found=f"{self.of!r} without on", expected="on = 'hit' or 'miss' with it"
            )
        if self.retries and self.timeout is None:
            raise ImpossibleValueError(
                key="retries", found=f"{self.retries} without timeout", expected="a timeout with it"
            )
        return self


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
        if not isinstance(raw, Mapping) or not isinstance(raw.get("steps"), list | tuple):
            return raw
        return {**raw, "steps": list(_completed(raw["steps"]))}

    @model_validator(mode="after")
    def _can_be_followed(self) -> "Flow":
        if bool(self.requests) == (self.per_user is not None):
            raise ImpossibleValueError(
                found="both requests and per_user" if self.requests else "no number of requests",
                expected="either requests (an estimate's name) or per_user (a number a day)",
            )
        names = [step.name for step in self.steps]
        for name, times in Counter(names).items():
            if times > 1:
                raise ImpossibleValueError(
                    key=f"steps.{name}",
                    found=f"{times} steps of this name",
                    expected="one: give the others a name of their own",
                )
        if self.visible_after:
            self._expect(self.visible_after, names, key="visible_after")
        for step in self.steps:
            for name in step.after:
                self._expect(name, names, key=f"steps.{step.name}.after")
        self._check_order()
        for step in self.steps:
            self._check_references(step)
        return self

    @staticmethod
    def _expect(name: str, known: Sequence[str], *, key: str) -> None:
        if name not in known:
            raise ImpossibleValueError(
                key=key,
                found=f"{name!r}{nearest(name, known)}",
                expected=f"a step of this flow: {', '.join(known)}",
            )

    def _check_order(self) -> None:
        try:
            list(self._sorter(self.steps).static_order())
        except CycleError as error:
            cycle = " -> ".join(error.args[1])
            raise ImpossibleValueError(
                key="steps",
                found=f"a cycle that never ends ({cycle})",
                expected="steps in order",
            ) from None

    def _check_references(self, step: Step) -> None:
        before = self._before(step)
        if step.holds:
            self._expect_before(step.holds, before, key=f"steps.{step.name}.holds")
        caches = [name for name in before if name in self._caches()]
        if step.of:
            self._expect_before(step.of, caches, key=f"steps.{step.name}.of", kind="cache step")
        if step.on and self.cache_of(step) not in caches:
            raise ImpossibleValueError(
                key=f"steps.{step.name}.on",
                found=step.on,
                expected=f"to come after a cache step, one with hit_ratio{_listed(caches)}",
            )

    @staticmethod
    def _expect_before(name: str, known: Sequence[str], *, key: str, kind: str = "step") -> None:
        if name not in known:
            raise ImpossibleValueError(
                key=key,
                found=f"{name!r}{nearest(name, known)}",
                expected=f"a {kind} that is done before this one{_listed(known)}",
            )

    def _before(self, step: Step) -> Sequence[str]:
        """Names of all steps that are done before `step` starts, in the order of the file."""
        after = {each.name: each.after for each in self.steps}
        before: set[str] = set()
        waiting = list(after[step.name])
        while waiting:
            name = waiting.pop()
            if name not in before:
                before.add(name)
                waiting += after[name]
        return [each.name for each in self.steps if each.name in before]

    def _caches(self) -> Sequence[str]:
        return [step.name for step in self.steps if step.hit_ratio is not None]

    @staticmethod
    def _sorter(steps: Sequence[Step]) -> TopologicalSorter[str]:
        return TopologicalSorter({step.name: step.after for step in steps})

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
        after = {step.name: step.after for step in self.steps}

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


def _listed(names: Sequence[str]) -> str:
    return f": {', '.join(names)}" if names else "; there is none"


def _completed(steps: Sequence[object]) -> Iterator[object]:
    previous: tuple[object, ...] = ()
    for raw in steps:
        if not isinstance(raw, Mapping):
            yield raw
            continue
        # A step without a box has no name either; the model says that its box is missing.
        names = [raw[key] for key in ("name", "box") if key in raw][:1]
        yield {"after": previous, **raw, "name": (names or ["unnamed"])[0]}
        previous = tuple(names)
