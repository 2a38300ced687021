"""Whatever a file or an override holds, it is a scenario or an error meant for the user."""

import copy
import datetime as dt
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import ScenarioError
from scenarios.loader import LIBRARY, load

NEWS_FEED: dict[str, Any] = tomllib.loads((LIBRARY / "news_feed.toml").read_text("utf-8"))
HUGE = "an integer of thousands of digits"

scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from([HUGE, "500m", "10%", "1s", "followers", "push", "api_gateway", -1, 0])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.just("value"), inner, max_size=3)
    ),
    max_leaves=6,
)


def toml(value: object) -> str:
    """Return `value` as a TOML value, tables inline."""
    if value == HUGE:
        return "0x" + "f" * 5000
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dt.date():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a table, tables and arrays included."""
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(deeper for key, item in items for deeper in paths_of(item, (*path, key)))]


PATHS = paths_of(NEWS_FEED)[1:]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario file that every example writes anew."""
    return tmp_path_factory.mktemp("scenarios") / "any.toml"


def load_or_refuse(file: Path, table: dict[str, Any], *overrides: str) -> None:
    """Load a file that holds that table; nothing but a `ScenarioError` may come of it."""
    lines = [f"{toml(key)} = {toml(value)}\n" for key, value in table.items()]
    file.write_text("".join(lines), encoding="utf-8")
    for dau in (None, 1e6):
        try:
            load(str(file), dau=dau, overrides=overrides)
        except ScenarioError as error:
            assert str(error)  # noqa: PT017 - refusing is one of the two right answers


def replace(table: Any, path: tuple[str | int, ...], value: object) -> None:  # noqa: ANN401 - TOML
    """Put `value` at that path, unless an earlier change has taken the path away."""
    for key in path[:-1]:
        table = table[key] if has(table, key) else {}
    if has(table, path[-1]):
        table[path[-1]] = value


def has(table: object, key: str | int) -> bool:
    """Whether a table or an array has that key or position."""
    if isinstance(table, dict):
        return key in table
    return isinstance(table, list) and isinstance(key, int) and key < len(table)


@given(
    table=st.dictionaries(
        st.sampled_from([*sorted(NEWS_FEED), "extends", "events"]) | st.text(max_size=5), values
    )
)
def test_any_table_is_a_scenario_or_refused(file: Path, table: dict[str, Any]) -> None:
    load_or_refuse(file, table)


@given(table=st.dictionaries(st.sampled_from([*sorted(NEWS_FEED), "events"]), values))
def test_anything_that_extends_news_feed_is_a_scenario_or_refused(
    file: Path, table: dict[str, Any]
) -> None:
    load_or_refuse(file, {"extends": "news_feed"} | table)


@settings(max_examples=200)
@given(mutations=st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=3))
def test_any_change_to_news_feed_is_a_scenario_or_refused(
    file: Path, mutations: list[tuple[tuple[str | int, ...], object]]
) -> None:
    table = copy.deepcopy(NEWS_FEED)
    for path, value in mutations:
        replace(table, path, value)

    load_or_refuse(file, table)


@given(
    path=st.sampled_from(PATHS).map(lambda path: ".".join(map(str, path))) | st.text(max_size=8),
    text=st.text(max_size=8) | st.sampled_from(["[1]", "{a = 1}", "0", "5", "[[", "1e999"]),
)
def test_any_override_is_applied_or_refused(file: Path, path: str, text: str) -> None:
    load_or_refuse(file, {"extends": "news_feed"}, f"{path}={text}")
