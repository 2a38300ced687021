"""The report says which figures were measured, by whom, and that the others are assumed."""

from dataclasses import replace

from reports.sections.inputs import assumptions
from tests.unit.reports.sample import simulation


def lead_with(*sources: str) -> str:
    """Return how the section begins where the first assumptions have these sources."""
    document = simulation()
    given, others = (
        document.assumptions[: len(sources)],
        document.assumptions[len(sources) :],
    )
    changed = [replace(row, source=source) for row, source in zip(given, sources, strict=True)]
    return assumptions(replace(document, assumptions=(*changed, *others))).lead


def test_figures_of_a_calibration_and_of_the_library_are_told_apart() -> None:
    lead = lead_with("measured on some CPU, 2026-11-26", "measured: 12 photos", "counted: one")

    assert lead.endswith(
        " 1 are measured by a calibration, 2 were measured before, on the reference server or on "
        "real files; all others are assumed."
    )


def test_a_document_whose_figures_nobody_measured_claims_no_measurement() -> None:
    assert "measured" not in lead_with()


def test_what_a_calibration_did_not_measure_is_not_counted_as_its_own() -> None:
    assert "by a calibration" not in lead_with("measured: 12 photos")
