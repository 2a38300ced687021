"""Small studies: the town of round numbers with 5,000 users a day, which two seconds simulate."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from scenarios.events import Event
from scenarios.loader import load
from scenarios.model import Scenario
from sim.document import simulation_document
from sim.results.simulation import SimulationDocument
from sim.study import Study, study

TOWN = str(Path(__file__).parents[1] / "estimates" / "round_town.toml")

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def with_events(scenario: Scenario, *events: Mapping[str, object]) -> Scenario:
    """Return the scenario with these events, given as a scenario file would."""
    parsed = tuple(_EVENT.validate_python(event) for event in events)
    return scenario.model_copy(update={"events": parsed})


@dataclass(frozen=True, slots=True)
class Studied:
    """A study and its document."""

    study: Study
    document: SimulationDocument

    def findings(self, severity: str) -> list[str]:
        """Return the texts of that severity, in order."""
        return [each.text for each in self.document.findings if each.severity == severity]


def studied(scenario: Scenario, *, seed: int = 1) -> Studied:
    """Study a scenario."""
    found = study(scenario, seed=seed)
    document = simulation_document(found, seed=seed, command="socialfeed simulate", wall_s=0.0)
    return Studied(found, document)


def town(*overrides: str) -> Scenario:
    """Return the town with 5,000 users a day."""
    return load(TOWN, dau=5_000, overrides=overrides)
