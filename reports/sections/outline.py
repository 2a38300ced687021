"""The order of a report: the verdict first, how to reproduce it last."""

from reports.content import Section
from reports.sections import ending, inputs, opening, system
from sim.results.simulation import SimulationDocument


def outline(document: SimulationDocument) -> tuple[Section, ...]:
    """Return the sections of a report, whatever it is rendered to."""
    return tuple(
        section(document)
        for section in (
            opening.opening,
            inputs.assumptions,
            inputs.estimates,
            inputs.comparison,
            system.fleet,
            system.day,
            system.failures,
            system.cost,
            system.sensitivity,
            ending.measured,
            ending.reproduce,
        )
    )
