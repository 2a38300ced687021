"""Bodies: from bytes to a model, or to an error that says what is wrong."""

import json
from typing import NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from server.errors import RequestError
from server.gateway.wording import FieldProblems, field_problems, json_problem

Model = TypeVar("Model", bound=BaseModel)


class MalformedBodyError(RequestError):
    """A body that is no JSON."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the body is not a JSON document: {reason}")


class InvalidBodyError(RequestError):
    """A body with fields that are wrong."""

    def __init__(self, problems: FieldProblems) -> None:
        self.problems = problems.told
        super().__init__(str(problems))


def parsed(body: bytes, model: type[Model]) -> Model:
    """Return the body as a model.

    Raises:
        MalformedBodyError: if it is no JSON in UTF-8, has a key twice, or is too deep.
        InvalidBodyError: if a field is missing, unknown or wrong.
    """
    document = _json(body)
    try:
        # What `model_validate` calls, without what it does around: a third of its time.
        valid: Model = model.__pydantic_validator__.validate_python(document)
    except ValidationError as error:
        raise InvalidBodyError(field_problems(error, model, document)) from error
    return valid


def _json(body: bytes) -> object:
    """Return a document; what is plain takes a fifth of the time of what needs a closer look."""
    document = _plain_json(body)
    return _any_json(body) if document is None else document


def _plain_json(body: bytes) -> object:
    """Return a document without escapes that is certainly in order; None if it is not certain.

    orjson lets a key that occurs twice pass. Where nothing is escaped, each text has two quotes, so
    there are more quotes than the texts of the document need if one of its keys has gone.
    """
    if b"\\" in body:
        return None
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if body.count(b'"') == 2 * _texts_in(document) else None


def _texts_in(value: object) -> int:
    texts = 0
    if isinstance(value, str):
        return 1
    if isinstance(value, dict):
        texts, value = len(value), value.values()
    elif not isinstance(value, list):
        return 0
    for part in value:
        # Most parts are texts: a call less for each.
        texts += 1 if isinstance(part, str) else _texts_in(part)
    return texts


def _any_json(body: bytes) -> object:
    try:
        text = body.decode("utf-8")
        document: object = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant
        )
        # A lone surrogate can be escaped in JSON, but not stored or sent as UTF-8.
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(reason=json_problem(error)) from error
    return document


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        message = "a key occurs twice"
        raise ValueError(message)
    return document


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)
