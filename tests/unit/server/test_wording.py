"""What a refused body's sender is told: their own words, and not too many."""

import json

import pytest

from server.gateway.bodies import Login, NewPost, NewUpload, NewUser, PostChanges, ReadMark
from server.gateway.parsing import InvalidBodyError, MalformedBodyError, parsed

PASSWORD = "long enough"  # noqa: S105 - nobody's
# Words of the libraries that read the body, which its sender has never heard of.
FOREIGN = ("Value should", "Input should", "items", "pattern", "dictionary", "instance", "sys.")


JPEG = {"userId": "1", "contentType": "image/jpeg", "sizeBytes": 9}


def refusal(model: type, body: object) -> InvalidBodyError:
    with pytest.raises(InvalidBodyError) as caught:
        parsed(json.dumps(body).encode(), model)
    return caught.value


@pytest.mark.parametrize(
    ("model", "body", "field", "message"),
    [
        (NewUser, {"name": "ada", "password": "short"}, "password", "at least 8 characters"),
        (NewUser, {"name": "ada", "password": "x" * 1_025}, "password", "at most 1,024 characters"),
        (NewUser, {"name": "x" * 65}, "name", "at most 64 characters"),
        (NewUser, {"name": ""}, "name", "at least 1 character"),
        (NewUser, {"name": " ada"}, "name", "without spaces around it"),
        (NewUser, {"name": 1}, "name", "expected a text"),
        (NewUser, {"name": "ada", "age": 36}, "age", "there is no such field"),
        (NewUser, [], "body", "expected a JSON object"),
        (Login, {"password": PASSWORD}, "name", "it is missing"),
        (NewPost, {"userId": "1", "text": "x" * 100_001}, "text", "at most 100,000 characters"),
        (NewPost, {"userId": 1, "text": "x"}, "userId", "expected an id"),
        (NewPost, {"userId": "1", "text": "x", "hashtags": 1}, "hashtags", "a list of texts"),
        (NewPost, {"userId": "1", "text": "x", "hashtags": "a " * 31}, "hashtags", "at most 30"),
        (NewPost, {"userId": "1", "text": "x", "hashtags": [""]}, "hashtags.0", "1 character"),
        (NewPost, {"userId": "1", "mediaUrl": ""}, "mediaUrl", "at least 1 character"),
        (NewUpload, JPEG | {"sizeBytes": 0}, "sizeBytes", "expected a whole number from 1"),
        (NewUpload, JPEG | {"sizeBytes": 2**64}, "sizeBytes", "expected a whole number from 1"),
        (NewUpload, JPEG | {"sizeBytes": "9"}, "sizeBytes", "expected a whole number from 1"),
        (NewUpload, JPEG | {"sizeBytes": 1.5}, "sizeBytes", "expected a whole number from 1"),
        (NewUpload, JPEG | {"sizeBytes": True}, "sizeBytes", "expected a whole number from 1"),
        (NewUpload, JPEG | {"contentType": 1}, "contentType", "expected a text"),
        (NewPost, {"userId": "1"}, "text", "either a text or a mediaUrl"),
        (PostChanges, {"text": ""}, "text", "at least 1 character"),
        (PostChanges, {"text": None}, "text", "expected a value; what is left out stays"),
        (PostChanges, {"description": None}, "description", "expected a value"),
        (PostChanges, {"hashtags": None}, "hashtags", "expected a value"),
        (ReadMark, {"upTo": "007"}, "upTo", "expected an id"),
        (ReadMark, None, "body", "expected a JSON object"),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_contract(
    model: type, body: object, field: str, message: str
) -> None:
    [problem] = refusal(model, body).problems

    assert problem["field"] == field
    assert message in problem["message"]
    assert not [word for word in FOREIGN if word in problem["message"]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value at line 1, column 1"),
        (b'{\n"text": }', "Expecting value at line 2, column 9"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"userId": ' + b"1" * 10_000 + b"}", "a number has too many digits"),
        (b'{"text": NaN}', "NaN is no JSON"),
        (b'{"text": "\\ud800"}', "a lone surrogate"),
        (b'{"text": "\xff"}', "not in UTF-8"),
        (b'{"text": "a", "text": "b"}', "a key occurs twice"),
    ],
)
def test_why_a_body_is_no_json_is_told_without_python(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parsed(body, NewPost)

    assert str(caught.value) == f"the body is not a JSON document: {reason}"


def test_of_many_problems_the_first_are_told_and_how_many_more_there_are() -> None:
    body = {f"unknown{number}": 1 for number in range(5_000)} | {"userId": 1}

    error = refusal(NewPost, body)

    assert len(error.problems) == 20
    assert error.problems[0]["field"] == "userId"
    assert str(error).endswith("and 4981 more")


def test_a_field_name_of_a_megabyte_is_not_sent_back() -> None:
    error = refusal(NewPost, {"userId": "1", "text": "x", "y" * 1_000_000: 1})

    [problem] = error.problems
    assert problem["field"] == "y" * 64 + "…"
    assert len(str(error)) < 200
