"""The report of a load test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reports.document import parse_any, to_json
from reports.folder import render_again, write_report
from reports.loadtest import CHART_NAMES, TABLE_NAMES
from reports.loadtest.charts import against_load
from reports.loadtest.sections import outline
from reports.loadtest.terminal import print_loadtest
from reports.loadtest.verdict import verdict
from reports.markdown import markdown
from reports.pictures import charts_of
from reports.verdict import Outcome
from sim.results.loadtest import Breakpoint, LoadtestDocument, LoadtestRun, MeasuredFreshness
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


def test_a_lost_target_and_an_interruption_are_told_first() -> None:
    lost = replace(measured(), target_lost_s=13.0)
    interrupted = replace(measured(), run=LoadtestRun(1, 20.0, 7.5, interrupted=True))

    assert verdict(lost).headline.startswith("The target stopped answering")
    assert verdict(lost).outcome is Outcome.MISSED
    assert verdict(interrupted).headline.startswith("Interrupted; the figures are of the 7.5 s")
    assert "7.5 s were measured" in markdown(interrupted)


def test_a_search_that_ended_early_says_why() -> None:
    ended = replace(measured(), breakpoint=Breakpoint(400.0, None, "interrupted"))

    assert verdict(ended).breaks_first.endswith("when the search ended: interrupted.")


def test_a_search_is_drawn_once_for_each_load_and_without_what_was_not_measured() -> None:
    document = measured()
    unmeasured = replace(document.levels[0], offered_per_s=1_600.0, good=None, because="late")
    chart = against_load(replace(document, levels=(*document.levels, unmeasured)))

    assert chart is not None
    drawn = [row["at"] for row in chart.spec["data"]["values"] if row["line"] == "feed page p99"]  # type: ignore[index, call-overload, union-attr]
    assert drawn == [200.0, 400.0, 420.0, 800.0]
    assert "not measured: late" in chart.data.rows[-1]


def test_a_search_without_a_bad_load_does_not_say_that_objectives_held_where_it_was_not_told() -> (
    None
):
    document = replace(measured(), breakpoint=Breakpoint(400.0, None))
    chart = against_load(document)
    held = against_load(
        replace(document, levels=tuple(each for each in document.levels if each.good))
    )

    assert chart is not None
    assert chart.sentence == "Where the objectives break was not found."
    assert held is not None
    assert "every load that could be measured" in held.sentence


def test_freshness_tells_what_is_known_and_how_exactly() -> None:
    few = MeasuredFreshness(0.03, None, 0.3, resolution_s=0.004, posts=20, lost=0)
    text = markdown(replace(measured(), freshness=few))

    assert "30 ms for half of them, 300 ms for the slowest" in text
    assert "too long by up to 4 ms" in text
    assert "–" not in text.partition("Freshness: ")[2].partition("(median)")[0]


def test_names_of_flows_are_read_at_40_columns() -> None:
    console = Console(width=40, record=True, force_terminal=False)

    print_loadtest(measured(), console)

    assert "read feed" in console.export_text()


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
