"""The JSON document: written, read back, and refused when it is not one."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.document import read_document, to_json
from reports.errors import (
    DocumentError,
    DocumentMissingError,
    DocumentShapeError,
    DocumentSyntaxError,
    NewerDocumentError,
    NotFiniteError,
)
from sim.results.estimates import EstimateDocument
from tests.unit.reports.sample import simulation

Damage = Callable[[dict[str, object]], object]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A report.json as a simulation writes it."""
    file = tmp_path / "report.json"
    file.write_text(to_json(simulation()), encoding="utf-8")
    return file


def damaged(file: Path, damage: Damage) -> Path:
    """Do this damage to the document in the file."""
    document = json.loads(file.read_text(encoding="utf-8"))
    damage(document)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_a_document_read_back_is_the_one_written(file: Path) -> None:
    assert read_document(file) == simulation()


def test_a_document_is_found_in_its_folder(file: Path) -> None:
    assert read_document(file.parent) == simulation()


def test_whole_numbers_have_no_point_and_unknown_values_are_null(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert '"dau": 500000000,' in text
    assert '"p99_s": null,' in text


def test_keys_are_in_the_order_of_the_fields() -> None:
    written = json.loads(to_json(simulation()))

    assert list(written) == [field.name for field in dataclasses.fields(simulation())]


def test_an_estimate_is_written_too() -> None:
    document = EstimateDocument(simulation().scenario, simulation().estimates)

    assert list(json.loads(to_json(document))) == ["scenario", "estimates"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_named(value: float) -> None:
    document = simulation()
    cost = dataclasses.replace(document.cost, usd_per_month=value)

    with pytest.raises(NotFiniteError, match=r"cost\.usd_per_month: found"):
        to_json(dataclasses.replace(document, cost=cost))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentMissingError, match="nowhere: No such file"):
        read_document(tmp_path / "nowhere")


def test_a_folder_without_a_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentMissingError, match=r"report\.json: No such file"):
        read_document(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value: line 1"),
        (b"not json", "Expecting value: line 1"),
        (b'{"format_version": 1', "delimiter: line 1 column 21"),
        (b"\x89PNG\r\n\x1a\n\x00", "byte 0 is not UTF-8"),
        (b'{"format_version": NaN}', "found NaN, expected a finite number or null"),
        (b'{"format_version": 1e999}', "found 1e999, expected a finite number or null"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_is_not_json_is_refused(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)

    with pytest.raises(DocumentSyntaxError, match=reason):
        read_document(file)


def drop_cost(document: dict[str, object]) -> None:
    del document["cost"]


def name_a_price_in_words(document: dict[str, object]) -> None:
    document["cost"] = {**document["cost"], "usd_per_month": "much"}  # type: ignore[dict-item]


def add_a_key(document: dict[str, object]) -> None:
    document["surprise"] = 1


def empty_the_fleet(document: dict[str, object]) -> None:
    document["fleet"] = {}


def shorten_an_interval(document: dict[str, object]) -> None:
    document["freshness"] = {**document["freshness"], "p99_ci_s": [1.0]}  # type: ignore[dict-item]


def forget_the_version(document: dict[str, object]) -> None:
    del document["format_version"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_cost, "cost: found nothing, expected a value"),
        (name_a_price_in_words, 'cost.usd_per_month: found "much", expected a number'),
        (add_a_key, "surprise: found 1, expected no such key"),
        (empty_the_fleet, "fleet: found {}, expected an array"),
        (shorten_an_interval, "freshness.p99_ci_s.1: found nothing, expected a value"),
        (forget_the_version, "format_version: found nothing, expected a whole number"),
    ],
)
def test_a_wrong_shape_is_told_by_key(file: Path, damage: Damage, message: str) -> None:
    with pytest.raises(DocumentShapeError) as raised:
        read_document(damaged(file, damage))

    assert message in str(raised.value)


@pytest.mark.parametrize("content", ["[]", "3", "null", '"text"'])
def test_json_that_is_no_object_is_refused(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")

    with pytest.raises(DocumentShapeError, match="expected the object that `simulate` writes"):
        read_document(file)


def test_a_document_of_a_later_version_is_told(file: Path) -> None:
    with pytest.raises(NewerDocumentError, match="found 2, expected at most 1"):
        read_document(damaged(file, lambda document: document.update(format_version=2)))


def test_every_refusal_names_the_file(file: Path) -> None:
    file.write_text("{}", encoding="utf-8")

    with pytest.raises(DocumentError) as raised:
        read_document(file)

    assert str(raised.value).startswith(f"{file}: ")
