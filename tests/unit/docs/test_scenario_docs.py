"""docs/scenarios.md: no key without its place there, and an example that does what it says."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.loader import load
from scenarios.schema import key_meanings
from scenarios.section import Section
from sim.estimates.book import open_sheet
from sim.estimates.sizing import sized_fleet
from sim.estimates.workload import WorkFlow, workload

DOCS = Path(__file__).parents[3] / "docs"
ADS = DOCS / "examples" / "ads.toml"
DOCUMENT = (DOCS / "scenarios.md").read_text(encoding="utf-8")


def sections_below(section: type[Section]) -> Iterator[type[Section]]:
    for each in section.__subclasses__():
        yield each
        yield from sections_below(each)


# The heading below which the keys of each section are explained.
HEADINGS = {
    "Scenario": "The file",
    "Population": "population",
    "Region": "population",
    "Activity": "activity",
    "Posts": "activity",
    "PostKind": "activity",
    "Followers": "activity",
    "Feed": "feed",
    "Storage": "storage",
    "Delivery": "delivery",
    "Delivered": "delivery",
    "Caches": "caches",
    "Network": "network",
    "Failures": "failures",
    "Prices": "prices",
    "EgressTier": "prices",
    "Objectives": "objectives",
    "Box": "boxes",
    "HistogramBin": "boxes",
    "Flow": "flows",
    "Step": "steps",
    "Visits": "steps",
    "RegionOutage": "events",
    "FlashCrowd": "events",
    "CelebrityPost": "events",
    "CacheFlush": "events",
}
SECTIONS = [each for each in sections_below(Section) if each.__module__.startswith("scenarios.")]
KEYS = [(section, key) for section in SECTIONS for key in section.model_fields]


def text_below(heading: str) -> str:
    """Text below a heading, up to the next one."""
    parts = re.split(r"^#+ (.+)$", DOCUMENT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


@pytest.mark.parametrize(
    ("section", "key"), KEYS, ids=[f"{section.__name__}.{key}" for section, key in KEYS]
)
def test_every_key_of_a_scenario_is_in_the_table_of_its_section(
    section: type[Section], key: str
) -> None:
    rows = [row for row in text_below(HEADINGS[section.__name__]).splitlines() if row[:1] == "|"]

    assert any(f"`{key}`" in row for row in rows)


@pytest.mark.parametrize(
    ("heading", "key"), [("The file", "extends"), ("The file", "machines"), ("boxes", "machine")]
)
def test_the_keys_that_only_files_have_are_there(heading: str, key: str) -> None:
    assert f"| `{key}` |" in text_below(heading)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_an_editor_is_told_what_every_key_means(section: type[Section]) -> None:
    self_explanatory = {"kind"}

    assert key_meanings(section).keys() | self_explanatory >= section.model_fields.keys()


def test_every_example_of_toml_is_toml() -> None:
    examples = re.findall(r"^```toml\n(.*?)^```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)

    assert len(examples) > 5
    for example in examples:
        tomllib.loads(f"step = {example}" if example.startswith("{") else example)


def read_feed_of(name: str) -> WorkFlow:
    flows = workload(open_sheet(load(name))).flows
    return next(flow for flow in flows if flow.name == "read_feed")


def test_the_example_with_ads_is_printed_as_it_is() -> None:
    assert ADS.read_text(encoding="utf-8") in DOCUMENT


def test_the_ad_server_is_in_the_fleet_of_every_region() -> None:
    scenario = load(str(ADS))

    fleet = sized_fleet(open_sheet(scenario))

    instances = {each.region: each.instances for each in fleet.boxes if each.box == "ad_server"}
    assert instances.keys() == scenario.population.regions.keys()
    assert min(instances.values()) > 1


def test_a_page_waits_for_its_ad_beside_the_feed() -> None:
    steps = {step.name: step for step in read_feed_of(str(ADS)).steps}
    names = list(steps)

    assert steps.keys() - {step.name for step in read_feed_of("news_feed").steps} == {"ad_server"}
    assert steps["ad_server"].awaited is True
    assert [names[position] for position in steps["ad_server"].after] == ["feed_reader"]
    assert [names[position] for position in steps["feed_cache"].after] == ["feed_reader"]


def test_the_ad_server_is_visited_for_every_page_and_every_click() -> None:
    flows = workload(open_sheet(load(str(ADS))))
    rates = {flow.name: flow.requests_per_s for flow in flows.flows}

    assert flows.boxes["ad_server"].visits_per_s == pytest.approx(
        rates["read_feed"] + rates["ad_click"]
    )
    assert rates["ad_click"] == pytest.approx(0.5 * 500e6 / 86_400)
