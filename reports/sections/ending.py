"""Sections: how far the model was from a measured server, and how to run it again."""

from reports import figures
from reports.content import Column, Command, Kind, Paragraph, Section, Table
from sim.results.simulation import SimulationDocument


def measured(_document: SimulationDocument) -> Section:
    """Return what is known of the model's error: nothing yet."""
    return Section(
        "measured",
        "Against the measured server",
        "Not yet measured: the service times above are assumptions that no run of the reference "
        "server has confirmed, so read the latencies as what follows from them, not as a promise.",
        (),
    )


def reproduce(document: SimulationDocument) -> Section:
    """Return the command, the seed and the versions that give this report again."""
    run, made_with = document.run, document.reproduce
    versions = Table(
        title="Versions",
        columns=(Column("package"), Column("version", Kind.CODE)),
        rows=tuple(made_with.versions.items()),
        folded=True,
    )
    return Section(
        "reproduce",
        "How to reproduce it",
        f"The same command with seed {run.seed} gives the same figures, but for the time it takes.",
        (
            Command(made_with.command),
            Paragraph(
                f"This run followed {figures.whole(run.requests)} requests through "
                f"{figures.whole(run.visits)} visits to boxes in {figures.duration(run.wall_s)}."
            ),
            versions,
        ),
    )
