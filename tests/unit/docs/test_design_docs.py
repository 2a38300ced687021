"""docs/design.md and docs/decisions.md: each box, flow and table is there, no path is wrong."""

import re
from pathlib import Path

import pytest

from scenarios.loader import load

ROOT = Path(__file__).parents[3]
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
DECISIONS = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
SCENARIO = load()

# docs/scenarios.md is looked after by its own test.
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("benchmarks", "cli", "decisions", "design", "loadtest")
    ),
]


@pytest.mark.parametrize("box", SCENARIO.boxes)
def test_every_box_has_its_row_with_its_table(box: str) -> None:
    row = next(
        line for line in DESIGN.splitlines() if line.startswith(f"| {box.replace('_', ' ')}")
    )

    assert f"`[boxes.{box}]`" in row


@pytest.mark.parametrize("box", SCENARIO.boxes)
def test_a_box_that_has_a_service_has_it_in_its_row(box: str) -> None:
    service = f"server/services/{box}.py"

    assert (ROOT / service).exists() == (service in DESIGN)


@pytest.mark.parametrize("flow", SCENARIO.flows)
def test_every_flow_has_its_row_with_its_table(flow: str) -> None:
    row = next(
        line for line in DESIGN.splitlines() if line.startswith(f"| {flow.replace('_', ' ')} |")
    )

    assert f"`[flows.{flow}]`" in row


@pytest.mark.parametrize("database", ["PostsDB", "FeedsDB", "CommentsDB", "LikesDB", "FollowDB"])
def test_every_row_of_the_database_table_has_its_decision(database: str) -> None:
    assert f"\n### {database}: " in DECISIONS


@pytest.mark.parametrize("schema", ["Posts", "Feeds", "Comments", "Likes", "Follow"])
def test_every_schema_has_its_decision(schema: str) -> None:
    assert f"\n### {schema} schema\n" in DECISIONS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:cli|reports|scenarios|server|sim|tests|docs)/[\w./]*)`", text)
    linked = [
        target.partition("#")[0]
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if not target.startswith(("http://", "https://", "#"))
    ]

    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [target for target in linked if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_heading_that_a_page_links_to_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, anchor in re.findall(r"\]\(([\w./]*)#([\w-]+)\)", text):
        target = (page.parent / name).read_text(encoding="utf-8") if name else text
        headings = re.findall(r"^#+ (.+)$", target, flags=re.MULTILINE)

        assert anchor in [
            re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings
        ]
