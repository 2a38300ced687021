"""A scenario: one frozen object that the estimates, the simulator and the load test all read."""

import difflib
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, Field, model_validator

from scenarios.activity import Activity, Feed
from scenarios.assumption import Assumption
from scenarios.boxes import Box
from scenarios.events import CacheFlush, Event, FlashCrowd, RegionOutage
from scenarios.fanout import Fanout
from scenarios.flows import Flow
from scenarios.infrastructure import Caches, Failures, Network, Prices, Storage
from scenarios.objectives import Objectives
from scenarios.population import Population
from scenarios.section import Section


class Scenario(Section):
    """Everything that is assumed; see docs/scenarios.md for every key.

    Attributes:
        name: short name, in lower case.
        title: one line.
        description: what it is for.
        fanout: which of the three designs runs.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    description: str = ""
    fanout: Fanout
    population: Population
    activity: Activity
    feed: Feed
    storage: Storage
    caches: Caches
    network: Network
    failures: Failures
    prices: Prices
    objectives: Objectives
    boxes: dict[str, Box]
    flows: dict[str, Flow]
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> "Scenario":
        for flow_name, flow in self.flows.items():
            for step in flow.steps:
                _expect(
                    step.box, self.boxes, key=f"flows.{flow_name}.steps.{step.name}.box", kind="box"
                )
        for name in self.objectives.p99:
            _expect(name, self.flows, key=f"objectives.p99.{name}", kind="flow")
        for position, event in enumerate(self.events):
            match event:
                case RegionOutage():
                    self._expect_region(event.region, position)
                case FlashCrowd() if event.region:
                    self._expect_region(event.region, position)
                case CacheFlush():
                    _expect(event.box, self.boxes, key=f"events.{position}.box", kind="box")
                case _:
                    pass
        return self

    def _expect_region(self, name: str, position: int) -> None:
        _expect(name, self.population.regions, key=f"events.{position}.region", kind="region")

    def assumptions(self) -> Iterator[tuple[str, Assumption]]:
        """Yield every assumption with its key, such as `population.dau`, in file order."""
        return _assumptions(self, ())


def _expect(name: str, known: Iterable[str], *, key: str, kind: str) -> None:
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        message = f"{key}: found {name!r}, expected a {kind}{hint}: {', '.join(known)}"
        raise ValueError(message)


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
