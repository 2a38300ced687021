"""A study of a small town: its document, what it repeats, what it finds, what it judges."""

import dataclasses
import json
import os
from collections.abc import Mapping

import pytest

from scenarios.model import Scenario
from sim.study import HourStudy, Progress, study
from tests.unit.sim.towns import Studied, studied, town, with_events

pytestmark = pytest.mark.slow

CROWD = {"kind": "flash_crowd", "at": "12h", "lasts": "30m", "factor": 18}
FLUSH = {"kind": "cache_flush", "at": "5h", "lasts": "1h", "box": "cache"}
OUTAGE = {"kind": "region_outage", "at": "13h", "lasts": "90m", "region": "west"}


@pytest.fixture(scope="module")
def usual() -> Studied:
    return studied(town())


@pytest.fixture(scope="module")
def eventful() -> Studied:
    """Study a day of events, with objectives that cannot be met."""
    demanding = town("objectives.p99.read_feed=1s", "objectives.availability=50%")
    return studied(with_events(demanding, CROWD, FLUSH, OUTAGE))


def as_json(found: Studied) -> Mapping[str, object]:
    document: Mapping[str, object] = json.loads(
        json.dumps(dataclasses.asdict(found.document), allow_nan=False)
    )
    return document


DOCUMENT = {
    "scenario", "estimates", "fleet", "flows", "freshness", "availability", "cost", "objectives",
    "findings", "run",
}  # fmt: skip

ROWS = {
    "estimates": {"name", "value", "unit", "formula", "stated", "difference"},
    "fleet": {"box", "region", "instances", "workers", "peak_utilisation"},
    "flows": {"flow", "requests", "mean_s", "p50_s", "p95_s", "p99_s", "p999_s", "p99_ci_s"},
    "objectives": {"name", "target", "value", "met"},
    "findings": {"severity", "text"},
}

TABLES = {
    "scenario": {"name", "dau", "mau"},
    "freshness": {"p50_s", "p99_s"},
    "availability": {"value", "downtime_s_per_year"},
    "cost": {"usd_per_month", "lines"},
    "run": {"seed", "wall_s", "requests", "visits"},
}


def test_the_document_has_the_keys_that_users_rely_on(eventful: Studied) -> None:
    document = as_json(eventful)

    assert document.keys() >= DOCUMENT
    for table, keys in TABLES.items():
        found = document[table]
        assert isinstance(found, dict)
        assert found.keys() >= keys
    for table, keys in ROWS.items():
        rows = document[table]
        assert isinstance(rows, list)
        assert rows
        assert all(row.keys() >= keys for row in rows)


def test_every_flow_box_hour_and_year_has_its_row(usual: Studied) -> None:
    document = usual.document

    assert [row.flow for row in document.flows] == ["read_feed", "like", "text_post"]
    assert len(document.fleet) == 5 * 2
    assert [row.hour for row in document.day] == list(range(24))
    assert [row.year for row in document.years] == list(range(1, 11))


def test_the_same_seed_gives_the_same_document_in_one_process(
    usual: Studied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    again = studied(town())

    assert dataclasses.replace(again.document, run=usual.document.run) == usual.document


def test_another_seed_gives_other_numbers_within_the_intervals(usual: Studied) -> None:
    other = studied(town(), seed=2)

    assert other.document.estimates == usual.document.estimates
    assert other.document.fleet != usual.document.fleet  # the simulated utilisation
    for ours, theirs in zip(usual.document.flows, other.document.flows, strict=True):
        assert ours.mean_s != theirs.mean_s
        if ours.p99_ci_s and theirs.p99_ci_s:
            assert ours.p99_ci_s[0] < theirs.p99_ci_s[1]
            assert theirs.p99_ci_s[0] < ours.p99_ci_s[1]


def test_simulated_utilisation_is_the_closed_forms(usual: Studied) -> None:
    simulated = {
        row.box: (row.peak_utilisation, row.simulated_utilisation)
        for row in usual.document.fleet
        if row.region == "east"
    }

    expected, found = simulated["web"]
    # 7,600 services of 4 s, exponential: a standard error of 1.6 %.
    assert found == pytest.approx(expected, rel=4 * 0.016)


def test_regions_that_were_not_simulated_have_no_simulated_utilisation(usual: Studied) -> None:
    west = [row for row in usual.document.fleet if row.region == "west"]

    assert all(row.simulated_utilisation is None for row in west)


def test_a_percentile_with_too_few_requests_is_not_told(usual: Studied) -> None:
    posts = next(row for row in usual.document.flows if row.flow == "text_post")

    assert posts.p50_s is not None
    assert posts.p999_s is None
    assert usual.document.freshness.p99_s is None


def test_freshness_adds_the_crossing_between_regions(usual: Studied) -> None:
    # At least 100 ms between the regions, and the two hops behind the confirmation.
    assert usual.document.freshness.p50_s == pytest.approx(0.102, abs=0.005)


def test_years_add_up_with_growth(usual: Studied) -> None:
    first, second = usual.document.years[:2]

    assert second.post_bytes == pytest.approx(2 * first.post_bytes)
    assert second.post_bytes_with_growth == pytest.approx(3 * first.post_bytes)


def test_progress_ends_with_all_slices() -> None:
    told: list[Progress] = []

    study(town("population.dau=500"), seed=1, on_progress=told.append)

    assert told[0] == Progress(done=0, total=8 + 24)
    assert [each.done for each in told] == list(range(8 + 24 + 1))


def objective(found: Studied, name: str) -> tuple[float | None, bool | None]:
    row = next(row for row in found.document.objectives if row.name == name)
    return row.value, row.met


def test_objectives_are_met_missed_or_cannot_be_told(usual: Studied, eventful: Studied) -> None:
    p99_s, met = objective(usual, "read_feed p99")
    assert met is (p99_s is not None and p99_s <= 30) is True
    assert objective(eventful, "read_feed p99")[1] is False
    assert objective(usual, "freshness p99") == (None, None)
    assert objective(usual, "availability")[1] is False
    assert objective(eventful, "availability")[1] is True
    assert objective(usual, "utilisation, one region lost")[1] is True


def test_missed_objectives_are_problems_and_met_ones_are_not_told(
    usual: Studied, eventful: Studied
) -> None:
    assert any("vailability is 97." in text for text in usual.findings("problem"))
    assert any("objective is 1s" in text for text in eventful.findings("problem"))
    assert not any("vailability is" in text for text in eventful.findings("problem"))
    assert any("reshness p99 could not be told" in text for text in usual.findings("warning"))


def test_an_overloaded_hour_names_itself_the_region_and_the_box(eventful: Studied) -> None:
    overloads = [text for text in eventful.findings("problem") if "overloaded" in text]

    # 16.4 busy workers a daily user a second: 0.949 at 5,000 of 86,400 users, 1.125 times that in
    # the east, 18 times that in the crowd, on 16 workers.
    assert len(overloads) == 1
    assert "12:00 UTC" in overloads[0]
    assert "18 times the load in every region for 30m" in overloads[0]
    assert "east" in overloads[0]
    assert "web" in overloads[0]
    assert "120.1%" in overloads[0]


def test_an_overloaded_hour_has_no_percentiles(eventful: Studied) -> None:
    noon, calm = eventful.document.day[12], eventful.document.day[15]

    assert (noon.feed_p50_s, noon.feed_p99_s, noon.freshness_p95_s) == (None, None, None)
    assert noon.utilisation["web"] == pytest.approx(16.4 * 5_000 / 86_400 * 1.125 * 18 / 16)
    assert calm.feed_p50_s is not None


def test_a_lost_region_is_warned_of(eventful: Studied) -> None:
    lost = [text for text in eventful.findings("warning") if "is lost" in text]

    assert len(lost) == 1
    assert "25%" in lost[0]
    assert "36s" in lost[0]


def hour_of(found: Studied, hour: int) -> HourStudy:
    return found.study.hours[hour]


def test_a_flushed_cache_sends_every_read_to_the_db(eventful: Studied) -> None:
    # Per page half a visit more: 3.1 visits become 4.1.
    flushed, warm = hour_of(eventful, 5), hour_of(eventful, 6)

    assert flushed.work.boxes["db"].visits_per_s == pytest.approx(
        warm.work.boxes["db"].visits_per_s * 4.1 / 3.1
    )
    assert flushed.utilisation["db"] == pytest.approx(warm.utilisation["db"] * 4.1 / 3.1)
    assert flushed.work.boxes["web"] == warm.work.boxes["web"]


def test_an_outage_brings_the_lost_regions_load(eventful: Studied) -> None:
    during, after = hour_of(eventful, 13), hour_of(eventful, 15)

    assert during.utilisation["web"] == pytest.approx(after.utilisation["web"] * 1.25 / 1.125)


def test_findings_come_with_problems_first(usual: Studied, eventful: Studied) -> None:
    order = ["problem", "warning", "note"]
    for found in (usual, eventful):
        severities = [order.index(each.severity) for each in found.document.findings]
        assert severities == sorted(severities)
        assert len(set(found.document.findings)) == len(found.document.findings)


def breaking_first(scenario: Scenario) -> str:
    return next(text for text in studied(scenario).findings("note") if "breaks first" in text)


def test_what_breaks_first_is_the_busiest_box() -> None:
    told = breaking_first(town("boxes.queue.service_time=6s", "population.dau=500"))

    assert "queue" in told
