"""The JSON document of a run, written and read back.

What is written is what is read: `read_document` of a written document is equal to it.
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from reports.errors import (
    DocumentMissingError,
    DocumentShapeError,
    DocumentSyntaxError,
    NewerDocumentError,
    NotFiniteError,
)
from sim.results.loadtest import LoadtestDocument
from sim.results.simulation import SimulationDocument
from sim.results.validation import ValidationDocument

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT_VERSION = 1
"""The latest `SimulationDocument.format_version` that is understood here."""

DOCUMENT_NAME = "report.json"

_LARGEST_EXACT = 2**53
"""Up to here every whole number is a double, and so the same in every JSON reader."""

_LONGEST_SHOWN = 60

JsonObject: TypeAlias = "Mapping[str, Json]"
Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | float | bool | None"


def to_json(document: "DataclassInstance") -> str:
    """Return the record as one JSON document, keys in the order of its fields.

    Whole numbers have no decimal point, None is null.

    Raises:
        NotFiniteError: if a number in it is infinite or not a number.
    """
    return json.dumps(_plain(dataclasses.asdict(document), ""), ensure_ascii=False, indent=2) + "\n"


def _plain(value: object, key: str) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return _number(value, key)
        case Mapping():
            return {str(name): _plain(item, _join(key, name)) for name, item in value.items()}
        case Sequence():
            return [_plain(item, _join(key, index)) for index, item in enumerate(value)]
        case _:
            raise TypeError(key)


def _number(value: float, key: str) -> float:
    if not math.isfinite(value):
        raise NotFiniteError(key=key, value=value)
    if value.is_integer() and abs(value) < _LARGEST_EXACT:
        return int(value)
    return float(value)


def _join(key: str, part: object) -> str:
    return f"{key}.{part}" if key else str(part)


AnyDocument: TypeAlias = SimulationDocument | LoadtestDocument | ValidationDocument
"""What a report is made from."""

_Document = TypeVar("_Document", SimulationDocument, LoadtestDocument, ValidationDocument)


def read_document(path: Path) -> SimulationDocument:
    """Return the document of a simulation in a file, or in the report folder of that name.

    Raises:
        DocumentMissingError: if there is no such file, or it cannot be read.
        DocumentSyntaxError: if it is not JSON.
        DocumentShapeError: if it is not the document of a simulation.
        NewerDocumentError: if a later version wrote it.
    """
    return parse_document(*_content(path))


def read_any(path: Path) -> AnyDocument:
    """Return the document of a run of any kind; as `read_document` otherwise."""
    return parse_any(*_content(path))


def _content(path: Path) -> tuple[bytes, Path]:
    file = path / DOCUMENT_NAME if path.is_dir() else path
    try:
        return file.read_bytes(), file
    except OSError as error:
        raise DocumentMissingError(file, reason=error.strerror or str(error)) from error


def parse_document(content: bytes, file: Path) -> SimulationDocument:
    """Return the document that `content` is; `file` is named in errors, which are as above."""
    text = _text(content, file)
    _check_format(_parsed(text, file), file)
    return _shaped(text, file, SimulationDocument)


def parse_any(content: bytes, file: Path) -> AnyDocument:
    """Return the document of a run of any kind; as `parse_document` otherwise."""
    text = _text(content, file)
    parsed = _parsed(text, file)
    _check_format(parsed, file)
    if isinstance(parsed, dict) and parsed.get("kind") == "loadtest":
        return _shaped(text, file, LoadtestDocument)
    if isinstance(parsed, dict) and parsed.get("kind") == "validation":
        return _shaped(text, file, ValidationDocument)
    return _shaped(text, file, SimulationDocument)


def _text(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8 text"
        raise DocumentSyntaxError(file, reason=reason) from error


def _parsed(text: str, file: Path) -> object:
    try:
        parsed: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise DocumentSyntaxError(file, reason=str(error)) from error
    return parsed


class _NotFiniteTextError(ValueError):
    def __init__(self, found: str) -> None:
        super().__init__(f"found {found}, expected a finite number or null")


def _refuse(constant: str) -> float:
    raise _NotFiniteTextError(constant)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise _NotFiniteTextError(text)
    return value


def _check_format(parsed: object, file: Path) -> None:
    if not isinstance(parsed, dict):
        found = "an array" if isinstance(parsed, list) else _shown(parsed)
        raise DocumentShapeError(
            file, key="(document)", found=found, expected="the object that `simulate` writes"
        )
    version = parsed.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise DocumentShapeError(
            file,
            key="format_version",
            found=_shown(version) if "format_version" in parsed else "nothing",
            expected="a whole number, as `simulate` writes it (`estimate` makes no report)",
        )
    if version > FORMAT_VERSION:
        raise NewerDocumentError(file, found=version, known=FORMAT_VERSION)


def _shaped(text: str, file: Path, of: type[_Document]) -> _Document:
    # Here, because `estimate` only writes, and must start fast.
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    adapter = TypeAdapter(of)
    try:
        return adapter.validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DocumentShapeError(
            file,
            key=".".join(str(part) for part in first["loc"]) or "(document)",
            found="nothing" if first["type"] in _MISSING else _shown(first["input"]),
            expected=_EXPECTED.get(first["type"], first["msg"]),
        ) from error


_MISSING = {"missing", "missing_argument"}
_EXPECTED = {
    "missing": "a value",
    "missing_argument": "a value",
    "unexpected_keyword_argument": "no such key",
    "string_type": "a text",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "dict_type": "an object",
    "dataclass_type": "an object",
}


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
