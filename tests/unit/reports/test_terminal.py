"""What is printed: readable at 80 columns, without colour when piped, and never cut."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from reports.compare import compare
from reports.estimates import estimates_text
from reports.fleet import by_box
from reports.terminal import print_comparison, print_simulation
from sim.results.estimates import EstimateDocument
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile, unknown

HEAVY_PACKAGES = ["jinja2", "numpy", "pandas", "pydantic", "scipy", "vl_convert"]


def printed(document: SimulationDocument, *, width: int = 80) -> str:
    """Return what a simulation prints into a file."""
    console = Console(file=io.StringIO(), width=width)
    print_simulation(document, console, Path("out/report.html"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def printed_estimates(document: SimulationDocument, *, width: int = 80) -> str:
    """Return what an estimate prints into a file."""
    return estimates_text(EstimateDocument(document.scenario, document.estimates), width=width)


@pytest.mark.parametrize("document", [simulation(), empty(), unknown()], ids=lambda _: "")
def test_80_columns_are_enough(document: SimulationDocument) -> None:
    assert max(map(len, printed(document).splitlines())) <= 80
    assert max(map(len, printed_estimates(document).splitlines())) <= 80


def test_the_parts_come_in_order() -> None:
    text = printed(simulation())
    parts = [
        *("Misses 1 of 8", "First to break", "Key figures", "The design document's figures"),
        *("Fleet, all regions", "Findings", "Report: out/report.html"),
    ]

    assert sorted(parts, key=text.index) == parts


def test_nothing_is_cut() -> None:
    text = printed(simulation()) + printed_estimates(simulation())

    assert "…" not in text
    assert all(row.name in text for row in simulation().estimates)
    assert all(f"{total.instances:,}" in text for total in by_box(simulation().fleet))


def test_a_narrow_terminal_cuts_no_number() -> None:
    text = printed(simulation(), width=60)

    assert "3,898" in text
    assert "788.4 PB" in text


def test_a_wide_terminal_shows_ranges_and_formulas() -> None:
    text = printed_estimates(simulation(), width=200)

    assert "DAU × posting share" in text
    assert "17.69 to 32.86 TB" in text


def test_a_file_gets_no_colour() -> None:
    assert "\x1b" not in printed(simulation())


def test_hostile_texts_cannot_move_the_cursor() -> None:
    text = printed(hostile()) + printed_estimates(hostile())

    assert "\x1b" not in text
    assert "\x00" not in text
    assert "<script>" in text


def test_two_runs_are_printed_side_by_side() -> None:
    console = Console(file=io.StringIO(), width=80)

    print_comparison(compare(simulation(), empty()), console)

    assert isinstance(console.file, io.StringIO)
    assert "figures differ" in console.file.getvalue()


def test_printing_estimates_loads_nothing_heavy() -> None:
    script = f"import sys, reports.terminal; print(*set({HEAVY_PACKAGES!r}) & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
