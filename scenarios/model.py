"""A scenario: one frozen object that the estimates, the simulator and the load test all read."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from scenarios.activity import Activity, Feed
from scenarios.assumption import Assumption
from scenarios.boxes import Box
from scenarios.errors import ImpossibleValueError, nearest
from scenarios.events import CacheFlush, Event, FlashCrowd, RegionOutage
from scenarios.fanout import Fanout
from scenarios.flows import Flow
from scenarios.infrastructure import Caches, Delivery, Failures, Network, Prices, Storage
from scenarios.objectives import Objectives
from scenarios.population import Population
from scenarios.section import Name, Section


class Scenario(Section):
    """Everything that is assumed; see docs/scenarios.md for every key.

    Attributes:
        name: short name, in lower case.
        title: one line.
        description: what it is for: the question that it answers.
        fanout: which of the three designs runs.
        population: who uses the system, where they are, and how their day runs.
        activity: what users do in a day, what their posts weigh, and who follows whom.
        feed: how feeds are kept.
        storage: what is kept, how long, and in how many copies.
        delivery: who asks for media, and which rendition they get.
        caches: how large the caches are and what is asked of them.
        network: delays and sizes of messages between machines.
        failures: how parts fail together.
        prices: list prices; instances are priced at their boxes.
        objectives: what the system must achieve.
        boxes: by name, the kinds of machines and managed services.
        flows: by name, the kinds of requests and the steps that they take.
        events: what happens on the simulated day besides its usual load.
    """

    name: Name
    title: str
    description: str = ""
    fanout: Fanout
    population: Population
    activity: Activity
    feed: Feed
    storage: Storage
    delivery: Delivery
    caches: Caches
    network: Network
    failures: Failures
    prices: Prices
    objectives: Objectives
    boxes: Annotated[dict[Name, Box], Field(min_length=1)]
    flows: Annotated[dict[Name, Flow], Field(min_length=1)]
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> "Scenario":
        for flow_name, flow in self.flows.items():
            for step in flow.steps:
                key = f"flows.{flow_name}.steps.{step.name}.box"
                _expect(step.box, self.boxes, key=key, kind="box")
        for name, box in self.boxes.items():
            if box.runs_on:
                hosts = [host for host, each in self.boxes.items() if not each.runs_on]
                _expect(box.runs_on, hosts, key=f"boxes.{name}.runs_on", kind="box")
        for name in self.objectives.p99:
            _expect(name, self.flows, key=f"objectives.p99.{name}", kind="flow")
        for position, event in enumerate(self.events):
            self._check_event(event, key=f"events.{position}")
        return self

    @property
    def standing_boxes(self) -> dict[str, Box]:
        """The boxes that have instances of their own, by name."""
        return {name: box for name, box in self.boxes.items() if box.stands_alone}

    def _check_event(self, event: Event, *, key: str) -> None:
        match event:
            case RegionOutage() | FlashCrowd() if event.region:
                _expect(event.region, self.population.regions, key=f"{key}.region", kind="region")
            case CacheFlush():
                caches = [name for name, box in self.boxes.items() if box.kind == "cache"]
                _expect(event.box, caches, key=f"{key}.box", kind="cache")
            case _:
                pass

    def assumptions(self) -> Iterator[tuple[str, Assumption]]:
        """Yield every assumption with its key, such as `population.dau`, in file order."""
        return _assumptions(self, ())


def _expect(name: str, known: Iterable[str], *, key: str, kind: str) -> None:
    known = list(known)
    if name not in known:
        raise ImpossibleValueError(
            key=key,
            found=f"{name!r}{nearest(name, known)}",
            expected=f"a {kind}: {', '.join(known) or 'there is none'}",
        )


def _assumptions(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, Assumption]]:
    match value:
        case Assumption():
            yield ".".join(path), value
        case BaseModel():
            for name in type(value).model_fields:
                yield from _assumptions(getattr(value, name), (*path, name))
        case dict():
            for name, item in value.items():
                yield from _assumptions(item, (*path, name))
        case tuple():
            for position, item in enumerate(value):
                name = getattr(item, "name", "") or str(position)
                yield from _assumptions(item, (*path, name))
        case _:
            pass
