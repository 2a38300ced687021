"""The verdict: objectives, and what breaks first."""

import dataclasses

from reports.verdict import Outcome, verdict
from sim.results.simulation import FleetRow, ObjectiveRow, SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, unknown


def judged_by(*objectives: ObjectiveRow) -> SimulationDocument:
    """Return a document with these objectives."""
    return dataclasses.replace(simulation(), objectives=objectives)


def with_fleet(*, peak: float, lost: float) -> SimulationDocument:
    """Return a document of one box that is this busy."""
    row = FleetRow("posts_db", "europe", 3, 4, peak, lost, "workers", 100.0, None)
    return dataclasses.replace(simulation(), fleet=(row,))


MET = ObjectiveRow("read_feed_p99", "s", 1.0, 0.2, met=True)
MISSED = ObjectiveRow("freshness_p99", "s", 2.0, 3.5, met=False)
UNTOLD = ObjectiveRow("follow_p99", "s", 0.5, None, met=None)


def test_all_met() -> None:
    answer = verdict(judged_by(MET, MET))

    assert (answer.outcome, answer.headline) == (Outcome.MET, "Meets all 2 objectives.")


def test_one_missed_is_named_with_its_value_and_target() -> None:
    answer = verdict(judged_by(MET, MISSED, UNTOLD))

    assert answer.outcome is Outcome.MISSED
    assert answer.headline == "Misses 1 of 3 objectives: freshness p99 is 3.5 s, target ≤ 2 s."


def test_what_could_not_be_told_is_not_called_met() -> None:
    answer = verdict(judged_by(MET, UNTOLD))

    assert answer.outcome is Outcome.UNKNOWN
    assert answer.headline.startswith("Meets 1 of 2 objectives; too little is known")


def test_no_objectives_are_no_success() -> None:
    assert verdict(judged_by()).outcome is Outcome.UNKNOWN


def test_the_busiest_box_breaks_first() -> None:
    answer = verdict(with_fleet(peak=0.4, lost=0.5))

    assert "the posts db in Europe: 40 % busy at the peak" in answer.breaks_first
    assert "it saturates at 2.5× that load" in answer.breaks_first
    assert "down it is 50 % busy" in answer.breaks_first


def test_a_box_that_breaks_when_a_region_is_lost_is_told_so() -> None:
    assert "asked for 120 %" in verdict(with_fleet(peak=0.7, lost=1.2)).breaks_first


def test_an_empty_document_has_a_verdict() -> None:
    assert "No fleet" in verdict(empty()).breaks_first
    assert verdict(unknown()).outcome is Outcome.UNKNOWN
