"""The Markdown report."""

import re

import pytest

from reports.gfm import escaped
from reports.markdown import markdown
from reports.sections.outline import outline
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile, unknown


def test_it_has_the_sections_of_the_page_in_their_order() -> None:
    titles = re.findall(r"^## (.*)$", markdown(simulation()), re.MULTILINE)

    assert titles == [section.title for section in outline(simulation())]


def test_every_chart_is_a_picture_beside_it() -> None:
    assert len(re.findall(r"\]\(charts/\w+\.svg\)", markdown(simulation()))) == 9


def test_hostile_texts_add_no_markup() -> None:
    outside_code = re.sub(
        r"^(`{3,}).*?^\1$", "", markdown(hostile()), flags=re.DOTALL | re.MULTILINE
    )

    assert "alert" in outside_code
    assert not re.search(r"(?<!\\)<", outside_code)


def test_hostile_texts_add_no_cell() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", markdown(hostile()), re.MULTILINE)
    bars = [[len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()] for table in tables]

    assert bars
    assert all(len(set(of_table)) == 1 for of_table in bars)


@pytest.mark.parametrize("text", ["a|b", "<b>", "*x*", "[a](b)", "`c`", "#", "\\"])
def test_marks_are_escaped(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", escaped(text)) == text


def test_a_line_break_does_not_break_a_table() -> None:
    assert escaped("one\r\n\ntwo") == "one two"


def test_empty_and_unknown_documents_are_rendered() -> None:
    assert "No fleet was sized." in markdown(empty())
    assert "Freshness is not known" in markdown(unknown())
