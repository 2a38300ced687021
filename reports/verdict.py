"""The answer in a sentence: does it meet its objectives, and what breaks first."""

from dataclasses import dataclass
from enum import Enum

from reports import figures
from sim.results.simulation import FleetRow, ObjectiveRow, SimulationDocument


class Outcome(Enum):
    """How a run stands against its objectives."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer that a report opens with."""

    outcome: Outcome
    headline: str
    breaks_first: str


def verdict(document: SimulationDocument) -> Verdict:
    """Return whether the run meets its objectives, and which box saturates first."""
    return Verdict(
        outcome=outcome_by(document.objectives),
        headline=headline(document.objectives),
        breaks_first=_breaks_first(document.fleet),
    )


def outcome_by(objectives: tuple[ObjectiveRow, ...]) -> Outcome:
    """Return how a run stands against all its objectives."""
    if any(objective.met is False for objective in objectives):
        return Outcome.MISSED
    if not objectives or any(objective.met is None for objective in objectives):
        return Outcome.UNKNOWN
    return Outcome.MET


def outcome_of(objective: ObjectiveRow) -> Outcome:
    """Return how one objective stands."""
    if objective.met is None:
        return Outcome.UNKNOWN
    return Outcome.MET if objective.met else Outcome.MISSED


def target(objective: ObjectiveRow) -> str:
    """Return the target with its direction: availability may not fall below, others not exceed."""
    sign = "≥" if "availability" in objective.name else "≤"
    return f"{sign} {figures.figure(objective.target, objective.unit)}"


def objective_label(objective: ObjectiveRow) -> str:
    """Return what the objective is about, for reading."""
    return figures.label(objective.name.replace(".", " "))


def headline(objectives: tuple[ObjectiveRow, ...]) -> str:
    """Return in a sentence which objectives were missed, or could not be told."""
    missed = [objective for objective in objectives if objective.met is False]
    unknown = [objective for objective in objectives if objective.met is None]
    if not objectives:
        return "The scenario sets no objectives to judge by."
    total = len(objectives)
    if missed:
        named = "; ".join(_miss(objective) for objective in missed)
        return f"Misses {len(missed)} of {_objectives(total)}: {named}."
    if unknown:
        named = ", ".join(objective_label(objective) for objective in unknown)
        return (
            f"Meets {total - len(unknown)} of {_objectives(total)}; too little is known to "
            f"tell for {named}."
        )
    return "Meets its objective." if total == 1 else f"Meets all {total} objectives."


def _objectives(total: int) -> str:
    return "1 objective" if total == 1 else f"{total} objectives"


def _miss(objective: ObjectiveRow) -> str:
    value = figures.figure(objective.value, objective.unit)
    return f"{objective_label(objective)} is {value}, target {target(objective)}"


def _breaks_first(fleet: tuple[FleetRow, ...]) -> str:
    if not fleet:
        return "No fleet was sized, so nothing can be said about what breaks first."
    worst_case = max(fleet, key=lambda row: row.utilisation_region_lost)
    if worst_case.utilisation_region_lost >= 1:
        return (
            f"First to break is the {_where(worst_case)}: "
            f"{figures.rounded_share(worst_case.peak_utilisation)} busy at the peak, and asked for "
            f"{figures.rounded_share(worst_case.utilisation_region_lost)} of what it can do when "
            "the worst other region is down."
        )
    busiest = max(fleet, key=lambda row: row.peak_utilisation)
    if busiest.peak_utilisation <= 0:
        return "The fleet has no load, so nothing can be said about what breaks first."
    told = (
        f"First to break is the {_where(busiest)}: "
        f"{figures.rounded_share(busiest.peak_utilisation)} busy at the peak, it saturates at "
        f"{figures.ratio(1 / busiest.peak_utilisation)} that load"
    )
    if busiest.utilisation_region_lost <= busiest.peak_utilisation:  # there is no other region
        return f"{told}."
    lost = figures.rounded_share(busiest.utilisation_region_lost)
    return f"{told}; with the worst other region down it is {lost} busy."


def _where(row: FleetRow) -> str:
    return f"{figures.label(row.box)} in {figures.place(row.region)}"
