"""The sheet: what is computed once, what is computed again, and how estimates scale and range."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.loader import load
from scenarios.model import Scenario
from scenarios.variation import with_assumption
from sim.estimates import network, reliability, storage, throughput
from sim.estimates.book import chapters, open_sheet
from sim.estimates.document import cost_sensitivity, estimate_rows, estimated
from sim.estimates.ranges import swings
from sim.estimates.sheet import Cell, Sheet, UnknownEstimateError

TOWN = str(Path(__file__).parent / "round_town.toml")


def fresh_values(scenario: Scenario) -> Mapping[str, float]:
    sheet = open_sheet(scenario)
    return {cell.name: cell(sheet) for _, chapter in chapters(sheet) for cell in chapter}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fanout"), [("news_feed", "push"), ("news_feed", "hybrid"), ("startup", "pull")]
)
def test_a_swing_computes_again_exactly_what_rests_on_it(name: str, fanout: str) -> None:
    scenario = load(name, overrides=[f"fanout={fanout}"])
    sheet = open_sheet(scenario)
    cells = [cell for _, chapter in chapters(sheet) for cell in chapter]
    base = {cell.name: cell(sheet) for cell in cells}

    for swing in swings(scenario, sheet, cells):
        for end, found in (
            (swing.assumption.low, swing.at_low),
            (swing.assumption.high, swing.at_high),
        ):
            if end is not None:
                expected = fresh_values(with_assumption(scenario, swing.key, end))
                assert {**base, **found} == pytest.approx(expected, rel=1e-12), swing.key


def test_a_swing_leaves_alone_what_does_not_rest_on_it() -> None:
    scenario = load(TOWN)
    sheet = open_sheet(scenario)
    for cell in throughput.CELLS:
        cell(sheet)

    other = sheet.varied(with_assumption(scenario, "activity.likes", 9.0), changed="activity.likes")

    computed_again = {cell.name for cell in throughput.CELLS if not other.has(cell)}
    assert computed_again == {
        "likes_per_day",
        "likes_per_post",
        "notifications_per_day",
        "queue_events_per_day",
        "queue_events_per_s",
    }


def test_a_cell_is_computed_once() -> None:
    asked = []

    def compute(sheet: Sheet) -> float:
        asked.append(sheet)
        return 4.0

    sheet = Sheet(load(TOWN))
    cell = Cell(name="four", unit="", formula="", compute=compute)

    assert cell(sheet) + cell(sheet) == 8
    assert len(asked) == 1


def test_a_cell_says_what_it_is() -> None:
    cell = throughput.post_reads_per_s

    assert (cell.name, cell.unit) == ("post_reads_per_s", "reads/s")
    assert cell.formula == "Post reads a day ÷ 86,400"


def test_a_scenario_that_names_an_unknown_estimate_is_told_so() -> None:
    scenario = load(TOWN, overrides=["flows.read_feed.requests=feed_pages_a_day"])

    with pytest.raises(UnknownEstimateError, match=r"flows\.read_feed\.requests.*feed_pages_a_day"):
        estimated(scenario)


SAME_AT_ANY_SIZE = {
    "posts_per_page",
    "likes_per_post",
    "growth_over_retention",
    "image_share_of_uploads",
    "video_share_of_uploads",
    "renditions_factor",
    "renditions_per_upload",
    "delivered_of_image",
    "delivered_of_video",
    "mean_post_bytes",
    "mean_delivered_bytes",
    "cdn_fetches_per_page",
    "cdn_hit_ratio",
    "api_share_of_egress",
}


@settings(max_examples=40)
@given(dau=st.floats(1_000, 1e10), times=st.floats(1.1, 50))
def test_more_users_do_more_of_everything(dau: float, times: float) -> None:
    few, many = (open_sheet(load(TOWN, dau=users)) for users in (dau, dau * times))

    for cell in (*throughput.CELLS, *storage.CELLS, *network.CELLS):
        factor = 1 if cell.name in SAME_AT_ANY_SIZE else times
        assert cell(many) == pytest.approx(cell(few) * factor, rel=1e-9), cell.name


@settings(max_examples=20)
@given(dau=st.floats(1_000, 1e10))
def test_more_users_never_need_fewer_instances(dau: float) -> None:
    few, many = (fresh_values(load(TOWN, dau=users)) for users in (dau, dau * 2))

    for name in few:
        if name.startswith("instances_") or name == "usd_per_month":
            assert many[name] >= few[name]


durations = st.floats(60, 1e9)


@settings(max_examples=40)
@given(mttf_s=durations, mttr_s=durations, zones=st.integers(1, 5), region_mttf_s=durations)
def test_availability_is_a_share(
    mttf_s: float, mttr_s: float, zones: int, region_mttf_s: float
) -> None:
    scenario = load(
        TOWN,
        overrides=[
            f"boxes.web.mttf={mttf_s}s",
            f"boxes.web.mttr={mttr_s}s",
            f"failures.zones={zones}",
            f"failures.zone_mttr={mttr_s}s",
            f"failures.region_mttf={region_mttf_s}s",
        ],
    )
    sheet = open_sheet(scenario)

    for cell in reliability.CELLS[:-1]:
        assert 0 <= cell(sheet) <= 1, cell.name
    assert reliability.availability(sheet) == pytest.approx(1 - reliability.unavailability(sheet))


def ranged(*overrides: str) -> Mapping[str, tuple[float | None, float, float | None]]:
    rows = estimate_rows(estimated(load(TOWN, overrides=overrides)))
    return {row.name: (row.low, row.value, row.high) for row in rows}


def town_with(tmp_path: Path, text: str) -> str:
    varied = tmp_path / "varied.toml"
    varied.write_text(f'extends = "{TOWN}"\n{text}\n')
    return str(varied)


def test_a_figure_without_uncertain_assumptions_has_no_width() -> None:
    assert all(low == value == high for low, value, high in ranged().values())


def test_one_uncertain_assumption_gives_its_own_ends(tmp_path: Path) -> None:
    name = town_with(tmp_path, "[activity]\nlikes = { value = 2, low = 1, high = 6 }")

    rows = {row.name: row for row in estimate_rows(estimated(load(name)))}

    likes = rows["likes_per_day"]
    assert likes.low == pytest.approx(86_400)
    assert likes.high == pytest.approx(518_400)
    assert rows["post_reads_per_day"].low == rows["post_reads_per_day"].high == 864_000


def test_independent_assumptions_add_as_the_root_of_squares_of_factors(tmp_path: Path) -> None:
    # Likes a day are users × likes: twice the one and eight times the other are factors of
    # 2 to the power of √(1² + 3²).
    text = (
        '[population]\ndau = { value = "86400", high = "172800" }\n'
        "[activity]\nlikes = { value = 2, high = 16 }"
    )

    rows = {row.name: row for row in estimate_rows(estimated(load(town_with(tmp_path, text))))}

    assert rows["likes_per_day"].high == pytest.approx(172_800 * 2 ** math.sqrt(10))
    assert rows["likes_per_day"].low == pytest.approx(172_800)


def test_a_share_stays_a_share(tmp_path: Path) -> None:
    text = '[caches]\ncdn_hit_ratio = { value = "75%", low = "1%", high = "100%" }'

    rows = {row.name: row for row in estimate_rows(estimated(load(town_with(tmp_path, text))))}

    assert rows["cdn_hit_ratio"].high == 1
    assert rows["cdn_hit_ratio"].low == pytest.approx(0.01)


def test_a_line_that_costs_nothing_today_has_the_range_of_what_it_may_cost(tmp_path: Path) -> None:
    text = (
        "[prices]\n"
        "origin_fetch = { value = 0, high = 0.02 }\n"
        "between_zones = { value = 0.03, low = 0 }"
    )

    rows = {row.name: row for row in estimate_rows(estimated(load(town_with(tmp_path, text))))}

    fetch, zones = rows["usd_origin_fetch"], rows["usd_between_zones"]
    assert fetch.low == fetch.value == 0
    assert fetch.high == pytest.approx(82.042875)
    assert (zones.low, zones.high) == (0, zones.value)


def test_the_bill_is_most_sensitive_to_what_moves_it_most(tmp_path: Path) -> None:
    text = (
        "[boxes.db]\nprice = { value = 0.5, low = 0.25, high = 1 }\n"
        "[boxes.queue]\nprice = { value = 0.05, high = 0.1 }\n"
        "[activity]\nsessions = { value = 2, high = 4 }"
    )

    rows = cost_sensitivity(estimated(load(town_with(tmp_path, text))))

    assert [row.assumption for row in rows] == ["boxes.db.price", "boxes.queue.price"]
    # 29 instances for 730 hours at nine tenths.
    assert rows[0].value_at_high - rows[0].value_at_low == pytest.approx(29 * 0.75 * 657)


def test_the_hit_ratio_of_an_edge_of_given_size_is_that_of_2_lru() -> None:
    posts = {"activity.posts_read": "20", "caches.post_popularity": "0.9"}
    overrides = [f"{key}={value}" for key, value in posts.items()]
    given = fresh_values(load(TOWN, overrides=overrides))

    held_bytes = given["cdn_bytes_for_hit_ratio"]
    sized = fresh_values(load(TOWN, overrides=[*overrides, f"caches.cdn_bytes={held_bytes:.0f}B"]))

    assert given["cdn_hit_ratio"] == 0.75
    assert sized["cdn_hit_ratio"] == pytest.approx(0.75, abs=1e-4)


def test_a_bigger_edge_fetches_less_from_object_storage() -> None:
    small, large = (
        fresh_values(
            load(TOWN, overrides=["caches.post_popularity=0.9", f"caches.cdn_bytes={size}"])
        )
        for size in ("1GB", "10GB")
    )

    assert small["origin_egress_bytes_per_day"] > large["origin_egress_bytes_per_day"]
