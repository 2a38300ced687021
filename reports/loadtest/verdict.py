"""The answer of a load test in a sentence."""

from reports import figures
from reports.verdict import Outcome, Verdict, headline, outcome_by
from sim.results.loadtest import LoadtestDocument


def verdict(document: LoadtestDocument) -> Verdict:
    """Return whether the measured server met the objectives, and how much it bore."""
    if not document.valid:
        return Verdict(
            Outcome.UNKNOWN,
            "Not valid: the load generator was part of what was measured.",
            f"{figures.sentence_case(document.invalid_because[0])}.",
        )
    return Verdict(outcome_by(document.objectives), headline(document.objectives), limit(document))


def limit(document: LoadtestDocument) -> str:
    """Return how much load the server bore, in a sentence."""
    found = document.breakpoint
    if found is None:
        return (
            f"Measured at {figures.rate(document.offered_per_s)} offered, "
            f"{figures.rate(document.achieved_per_s)} of them answered rightly in time."
        )
    match found.last_good_per_s, found.first_bad_per_s:
        case None, None:
            return "No load could be measured."
        case None, bad:
            return f"No load met the objectives, not even {figures.rate(bad)}."
        case good, None:
            return f"{figures.rate(good)} met the objectives; where they break was not found."
        case good, bad:
            return f"The objectives hold at {figures.rate(good)} and break at {figures.rate(bad)}."
