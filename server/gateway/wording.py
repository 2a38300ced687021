"""What is wrong with a body, in the words of who has sent it; only refused bodies come here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from pydantic import BaseModel, ValidationError

from server.gateway.shapes import FieldProblem

# A body of a megabyte may have a hundred thousand things wrong with it: its sender is told so many.
MOST_PROBLEMS = 20
# Of a name that the sender has chosen.
NAME_CHARACTERS = 64

_MESSAGES = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "model_type": "expected a JSON object",
    "string_type": "expected a text",
    "list_type": "expected a list of texts",
}


@dataclass(frozen=True, slots=True)
class FieldProblems:
    """What is wrong with the fields of a body: the first of it, and how much more there is."""

    told: Sequence[FieldProblem]
    more: int

    def __str__(self) -> str:
        """Return all that is told in one line."""
        told = "; ".join(f"{problem['field']}: {problem['message']}" for problem in self.told)
        return f"{told}; and {self.more} more" if self.more else told


def json_problem(error: ValueError | RecursionError) -> str:
    """Return why a text is no JSON document."""
    match error:
        case UnicodeEncodeError():
            return "a lone surrogate"
        case UnicodeDecodeError():
            return "not in UTF-8"
        case JSONDecodeError():
            # Some of Python's messages end so themselves.
            what = error.msg.removesuffix(" at")
            return f"{what} at line {error.lineno}, column {error.colno}"
        case RecursionError():
            return "nested too deeply"
        case _:
            # Python's own has advice for programmers.
            is_ours = "integer string conversion" not in str(error)
            return str(error) if is_ours else "a number has too many digits"


def field_problems(
    error: ValidationError, model: type[BaseModel], document: object
) -> FieldProblems:
    """Return what is wrong with a document that is none of the model."""
    count = error.error_count()
    if count > MOST_PROBLEMS and isinstance(document, Mapping):
        # Told of each unknown field, Python is busy for most of a second.
        error = _of_fewer(model, document) or error
    details = error.errors(include_url=False, include_input=False)
    told = [_problem(part) for part in details[:MOST_PROBLEMS]]
    return FieldProblems(told, count - len(told))


def _of_fewer(model: type[BaseModel], document: Mapping[str, object]) -> ValidationError | None:
    """Return what is wrong with the document without all but some of its unknown fields."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = [name for name in document if name not in known][:MOST_PROBLEMS]
    kept = [name for name in document if name in known]
    try:
        model.model_validate({name: document[name] for name in (*kept, *unknown)})
    except ValidationError as error:
        return error
    return None


def _problem(part: Mapping[str, Any]) -> FieldProblem:
    message = _message(part["type"], part.get("ctx", {}), part["msg"])
    if part["loc"]:
        return {"field": ".".join(map(_shortened, part["loc"])), "message": message}
    # A check over several fields names the field itself.
    field, colon, rest = message.partition(": ")
    return {"field": field, "message": rest} if colon else {"field": "body", "message": message}


def _shortened(name: int | str) -> str:
    text = str(name)
    return text if len(text) <= NAME_CHARACTERS else f"{text[:NAME_CHARACTERS]}…"


def _message(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    match kind:
        # A text whose characters have been looked at is counted as anything that has a length.
        case "string_too_short" | "too_short":
            return f"expected at least {_characters(context['min_length'])}"
        case "string_too_long" | "too_long":
            return f"expected at most {_characters(context['max_length'])}"
        case _:
            return _MESSAGES.get(kind) or otherwise.removeprefix("Value error, ")


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count:,} characters"
