"""The report of a load test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reports.document import parse_any, to_json
from reports.folder import render_again, write_report
from reports.loadtest import CHART_NAMES, TABLE_NAMES
from reports.loadtest.sections import outline
from reports.loadtest.terminal import print_loadtest
from reports.loadtest.verdict import verdict
from reports.markdown import markdown
from reports.pictures import charts_of
from reports.verdict import Outcome
from sim.results.loadtest import Breakpoint, LoadtestDocument
from tests.unit.reports.sample_loadtest import measured, nothing_measured


@pytest.fixture(params=[measured, nothing_measured], ids=["measured", "nothing measured"])
def document(request: pytest.FixtureRequest) -> LoadtestDocument:
    made: LoadtestDocument = request.param()
    return made


def test_what_is_written_is_what_is_read(document: LoadtestDocument) -> None:
    assert parse_any(to_json(document).encode(), Path("report.json")) == document


def test_it_is_rendered_and_rendered_again(document: LoadtestDocument, tmp_path: Path) -> None:
    write_report(document, tmp_path / "test")
    page = (tmp_path / "test" / "report.html").read_bytes()

    assert render_again(tmp_path / "test").read_bytes() == page
    assert json.loads((tmp_path / "test" / "report.json").read_text())["kind"] == "loadtest"


def test_every_chart_has_a_sentence_and_its_data() -> None:
    charts = charts_of(outline(measured()))

    assert {chart.name for chart in charts} == set(CHART_NAMES)
    assert all(chart.sentence.endswith(".") and chart.data.rows for chart in charts)


def test_all_tables_are_written(tmp_path: Path) -> None:
    write_report(measured(), tmp_path / "test")

    assert {file.stem for file in (tmp_path / "test").glob("*.csv")} == set(TABLE_NAMES)


def test_latency_is_on_a_log_axis() -> None:
    charts = {chart.name: json.dumps(chart.spec) for chart in charts_of(outline(measured()))}

    for name in ("percentiles", "over_time", "against_load"):
        assert '"type": "log"' in charts[name]


def test_the_limit_is_told_in_the_verdict() -> None:
    assert verdict(measured()).breaks_first == ("The objectives hold at 400/s and break at 420/s.")
    unknown = replace(measured(), breakpoint=Breakpoint(400.0, None))
    assert "where they break was not found" in verdict(unknown).breaks_first
    nowhere = replace(measured(), breakpoint=Breakpoint(None, 1.0))
    assert "not even 1/s" in verdict(nowhere).breaks_first


def test_a_run_that_is_not_valid_is_neither_met_nor_missed() -> None:
    answer = verdict(replace(measured(), valid=False, invalid_because=("the generator was late",)))

    assert answer.outcome is Outcome.UNKNOWN
    assert answer.headline.startswith("Not valid")
    assert answer.breaks_first == "The generator was late."


def test_markdown_has_the_figures() -> None:
    text = markdown(measured())

    for told in ("400/s", "50 ms", "wrong page: a post is missing", "socialfeed loadtest"):
        assert told in text


def test_no_figure_is_cut_at_80_columns(document: LoadtestDocument) -> None:
    console = Console(width=80, record=True, force_terminal=False)

    print_loadtest(document, console)

    text = console.export_text()
    assert "…" not in text
    if document.flows:
        assert "4,000" in text
