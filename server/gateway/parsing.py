"""Bodies: from bytes to a model, or to an error that says what is wrong."""

import json
from typing import NoReturn, TypeVar

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
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidBodyError(field_problems(error, model, document)) from error


def _json(body: bytes) -> object:
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
