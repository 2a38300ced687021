"""The HTML page: whole, safe, small, and loading nothing."""

import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from reports.page import page
from reports.pictures import charts_of, picture
from reports.sections.outline import outline
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import HOSTILE, empty, hostile, unknown

Make = Callable[[], SimulationDocument]

MAKES: list[Make] = [simulation, empty, unknown, hostile]


class Elements(HTMLParser):
    """Collects the elements of a page, and checks that they are closed in order."""

    VOID = ("meta", "link", "img", "input", "br")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text.append(data)


@cache
def rendered(make: Make) -> str:
    """Return the page of a document."""
    document = make()
    pictures = {chart.name: picture(chart) for chart in charts_of(outline(document))}
    return page(document, pictures)


def parsed(make: Make) -> Elements:
    """Return the elements of its page."""
    elements = Elements()
    elements.feed(rendered(make))
    elements.close()
    return elements


@pytest.mark.parametrize("make", MAKES)
def test_the_page_is_well_formed(make: Make) -> None:
    assert parsed(make).open == []


@pytest.mark.parametrize("make", MAKES)
def test_nothing_in_the_page_is_loaded_from_elsewhere(make: Make) -> None:
    for tag, attributes in parsed(make).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:")), (tag, target)


def test_the_page_forbids_itself_to_load_anything() -> None:
    policies = [
        attributes["content"]
        for tag, attributes in parsed(simulation).elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]

    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none';")


def test_styles_load_nothing() -> None:
    styles = re.findall(r"<style>(.*?)</style>", rendered(simulation), re.DOTALL)

    assert not any("url(" in style or "@import" in style for style in styles)


@pytest.mark.parametrize("make", MAKES)
def test_the_page_is_under_3_mb(make: Make) -> None:
    assert len(rendered(make).encode()) < 3_000_000


def test_hostile_texts_add_no_element() -> None:
    kinds = [tag for tag, _ in parsed(hostile).elements]
    scripts = kinds.count("script")

    assert scripts == [tag for tag, _ in parsed(simulation).elements].count("script")
    assert "alert" not in {attributes.get("onerror") for _, attributes in parsed(hostile).elements}
    assert not any("onerror" in attributes for _, attributes in parsed(hostile).elements)


def test_hostile_texts_are_shown_as_they_are() -> None:
    # The parser leaves control characters alone, as the page does.
    assert HOSTILE in "".join(parsed(hostile).text)


def test_headings_go_down_one_level_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in parsed(simulation).elements if re.fullmatch(r"h\d", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_column_and_row_head_says_what_it_heads() -> None:
    heads = [attributes for tag, attributes in parsed(simulation).elements if tag == "th"]

    assert {attributes.get("scope") for attributes in heads} == {"col", "row"}


def test_the_order_is_that_of_the_questions() -> None:
    sections = [
        attributes["id"] for tag, attributes in parsed(simulation).elements if tag == "section"
    ]

    assert sections == [
        *("verdict", "assumptions", "estimates", "stated", "fleet", "day", "failures", "cost"),
        *("sensitivity", "measured", "reproduce"),
    ]


def test_every_chart_has_a_sentence_a_picture_and_its_data() -> None:
    kinds = [tag for tag, _ in parsed(simulation).elements]

    assert kinds.count("figure") == kinds.count("img") == kinds.count("figcaption") == 9


def test_all_assumptions_and_estimates_are_on_the_page() -> None:
    text = "".join(parsed(simulation).text)
    document = simulation()

    assert all(row.key in text for row in document.assumptions)
    assert all(row.name in text for row in document.estimates)
