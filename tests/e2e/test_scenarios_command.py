"""`socialfeed scenarios`: the library listed and shown, files checked, the schema for editors."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.loader import LIBRARY
from tests.e2e.program import RunProgram

LIBRARY_NAMES = [
    "celebrity",
    "flash_crowd",
    "news_feed",
    "one_machine",
    "region_outage",
    "startup",
    "twitter_2013",
]


def test_the_library_is_listed_with_titles_and_daily_users(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("scenarios", "list")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == LIBRARY_NAMES
    assert "150M a day  Twitter in 2013: 300,000 feed reads a second" in done.stdout


def test_the_list_is_one_json_document(run_socialfeed: RunProgram) -> None:
    listed = json.loads(run_socialfeed("scenarios", "list", "--json").stdout)

    assert [scenario["name"] for scenario in listed] == LIBRARY_NAMES
    assert listed[5]["dau"] == 100_000


def test_assumptions_are_shown_by_section_with_range_and_source(
    run_socialfeed: RunProgram,
) -> None:
    lines = run_socialfeed("scenarios", "show", "news_feed").stdout.splitlines()

    sections = [line for line in lines if not line.startswith(" ")]
    assert sections == [
        "population",
        "activity",
        "feed",
        "storage",
        "delivery",
        "caches",
        "network",
        "failures",
        "prices",
        "objectives",
        "boxes",
        "flows",
    ]
    assert lines[1].split() == ["dau", "500M", "users"]
    assert lines[2] == "      design document, DAU estimation"
    assert any(line.endswith("142s (1m to 5m)") for line in lines)
    assert any(line.endswith("99.999%") for line in lines)


def test_what_is_shown_fits_80_columns_when_piped(run_socialfeed: RunProgram) -> None:
    lines = run_socialfeed("scenarios", "show", "news_feed").stdout.splitlines()

    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []


def test_shown_json_has_every_assumption(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("scenarios", "show", "news_feed", "--dau", "100M", "--json")
    document = json.loads(done.stdout)

    assert (document["scenario"]["dau"], document["scenario"]["mau"]) == (100e6, 400e6)
    assumptions = {each.pop("key"): each for each in document["assumptions"]}
    assert assumptions["activity.followers.mean"].keys() == {
        "value",
        "low",
        "high",
        "unit",
        "source",
    }
    assert assumptions["population.dau"]["source"] == "set on the command line"
    assert assumptions["flows.read_feed.steps.hydration.time_per_item"]["value"] == 25e-6


@pytest.mark.parametrize("name", LIBRARY_NAMES)
def test_every_scenario_of_the_library_passes_its_check(
    run_socialfeed: RunProgram, name: str
) -> None:
    done = run_socialfeed("scenarios", "check", name)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"OK: {name}, ")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "problems"),
        ("name = ", "not a TOML scenario"),
        ('extends = "news_feed"\n[activity]\nlikse = 3', "activity.likse: unknown key"),
        ('extends = "news_feed"\n[population]\ndau = "500m"', "500M (million)"),
        (
            'extends = "news_feed"\n[flows.like]\nrequests = "likes_a_day"',
            "flows.like.requests: found 'likes_a_day', expected the name of an estimate",
        ),
        (
            'extends = "news_feed"\n[boxes.likes_db]\nholds = "likes"',
            "boxes.likes_db.holds: found 'likes', expected the name of an estimate",
        ),
        (
            'extends = "news_feed"\n[flows.like]\nsteps = [{ box = "cdn", visits = "fans" }]',
            "flows.like.steps.cdn.visits: found 'fans', expected the name of an estimate",
        ),
    ],
)
def test_a_file_with_mistakes_exits_2_and_names_them(
    run_socialfeed: RunProgram, tmp_path: Path, content: str, expected: str
) -> None:
    tmp_path.joinpath("mine.toml").write_text(content, encoding="utf-8")

    done = run_socialfeed("scenarios", "check", "mine.toml")

    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["missing.toml", ".", ""])
def test_what_is_no_file_exits_2(run_socialfeed: RunProgram, name: str) -> None:
    done = run_socialfeed("scenarios", "check", name)

    assert (done.returncode, done.stdout) == (2, "")
    assert "expected a TOML file or a library name" in done.stderr


def test_a_bad_number_of_users_names_its_option(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("scenarios", "show", "news_feed", "--dau", "500m")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'--dau': found '500m', expected a count such as 500M" in done.stderr


def references(schema: object) -> Iterator[str]:
    """Yield every reference in a JSON Schema."""
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key == "$ref")
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def test_the_schema_describes_what_a_file_may_hold(run_socialfeed: RunProgram) -> None:
    schema = json.loads(run_socialfeed("scenarios", "schema").stdout)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    file = tomllib.loads((LIBRARY / "news_feed.toml").read_text("utf-8"))
    assert schema["properties"].keys() >= file.keys() | {"extends", "machines", "events"}
    assert "machine" in schema["$defs"]["Box"]["properties"]
    known = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(references(schema)) <= known


def test_the_schema_takes_a_quantity_as_text_number_or_table(run_socialfeed: RunProgram) -> None:
    schema = json.loads(run_socialfeed("scenarios", "schema").stdout)

    scalar, table = schema["$defs"]["Population"]["properties"]["dau"]["anyOf"]
    assert scalar == {"type": ["string", "number"]}
    assert table["properties"].keys() == {"value", "low", "high", "source"}
    assert table["required"] == ["value"]
