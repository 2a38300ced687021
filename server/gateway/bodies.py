"""The bodies that calls take, with their limits."""

import unicodedata
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from server.model.ids import ID_PATTERN, LARGEST_ID
from server.model.media import MEDIA_TYPES
from server.model.records import PostEdit

# The design document's text posts are around 100 kB.
TEXT_CHARACTERS = 100_000
COMMENT_CHARACTERS = 10_000
DESCRIPTION_CHARACTERS = 10_000
NAME_CHARACTERS = 64
# Of a new password. Source: NIST SP 800-63B (2017), section 5.1.1.2: at least 8, and no rules on
# what is in it.
LEAST_PASSWORD_CHARACTERS = 8
PASSWORD_CHARACTERS = 1_024
URL_CHARACTERS = 2_048
HASHTAGS = 30
HASHTAG_CHARACTERS = 100

# Controls, formats (also those that turn the direction of writing), surrogates, private use, and
# separators of lines and paragraphs.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def _without_nul(text: str) -> str:
    if "\0" in text:
        message = "expected a text without NUL"
        raise ValueError(message)
    return text


def _visible(name: str) -> str:
    """Return a name as it is compared: two that look alike by Unicode's own tables are one.

    Source: Unicode Standard Annex 15, form NFKC; RFC 8265 (usernames), section 3.3.
    """
    name = unicodedata.normalize("NFKC", name)
    if name != name.strip():
        message = "expected a name without spaces around it"
        raise ValueError(message)
    if any(unicodedata.category(sign) in _INVISIBLE for sign in name):
        message = "expected signs that can be seen: no control or format characters"
        raise ValueError(message)
    return name


def _one_by_one(hashtags: object) -> object:
    """Split a text of hashtags, as the design document's example has it."""
    if isinstance(hashtags, str):
        hashtags = hashtags.replace(",", " ").split()
    if isinstance(hashtags, list) and len(hashtags) > HASHTAGS:
        message = f"expected at most {HASHTAGS} hashtags, found {len(hashtags)}"
        raise ValueError(message)
    return hashtags


def _size_bytes(number: object) -> int:
    # A bool is an int to Python.
    if type(number) is not int or not 1 <= number <= LARGEST_ID:
        message = "expected a whole number from 1"
        raise ValueError(message)
    return number


# As `id_in` has it, but without a call of Python: a body has an id or two.
_ID_SCHEMA = core_schema.custom_error_schema(
    core_schema.chain_schema(
        [
            core_schema.str_schema(pattern=ID_PATTERN, strict=True),
            core_schema.int_schema(le=LARGEST_ID, strict=False),
        ]
    ),
    custom_error_type="id",
    custom_error_message=f"expected an id: a text of digits, at most {LARGEST_ID}",
)

Id = Annotated[
    int,
    GetPydanticSchema(lambda _source, _handler: _ID_SCHEMA),
    WithJsonSchema({"type": "string", "pattern": ID_PATTERN, "description": "a decimal number"}),
]
Text = Annotated[str, AfterValidator(_without_nul)]
Hashtag = Annotated[Text, StringConstraints(min_length=1, max_length=HASHTAG_CHARACTERS)]
Hashtags = Annotated[
    list[Hashtag],
    Field(max_length=HASHTAGS),
    BeforeValidator(_one_by_one, json_schema_input_type=list[Hashtag] | str),
]
PostText = Annotated[Text, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS)]
Description = Annotated[Text, StringConstraints(max_length=DESCRIPTION_CHARACTERS)]
NewPassword = Annotated[
    Text,
    StringConstraints(min_length=LEAST_PASSWORD_CHARACTERS, max_length=PASSWORD_CHARACTERS),
]
Password = Annotated[Text, StringConstraints(min_length=1, max_length=PASSWORD_CHARACTERS)]
Name = Annotated[
    Text,
    AfterValidator(_visible),
    StringConstraints(min_length=1, max_length=NAME_CHARACTERS),
    Field(json_schema_extra={"pattern": r"^\S(.*\S)?$"}),
]
SizeBytes = Annotated[
    int,
    BeforeValidator(_size_bytes),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST_ID}),
]
MediaUrl = Annotated[Text, StringConstraints(min_length=1, max_length=URL_CHARACTERS)]


class Body(BaseModel):
    """A JSON object with these keys, in camelCase, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, frozen=True)


class NewUser(Body):
    """Somebody who signs up."""

    name: Name
    password: NewPassword | None = None


class Login(Body):
    """Somebody who signs in."""

    name: Name
    password: Password


class NewPost(Body):
    """A text post, or a media post with its description."""

    user_id: Id
    text: PostText | None = None
    media_url: MediaUrl | None = None
    description: Description | None = None
    hashtags: Hashtags = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if (self.text is None) == (self.media_url is None):
            message = "text: expected either a text or a mediaUrl"
            raise ValueError(message)
        if self.text is not None and self.description is not None:
            message = "description: a text post has none"
            raise ValueError(message)
        return self


def _without_null(schema: dict[str, Any]) -> None:
    kinds = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
    schema.pop("default")
    schema.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


# A field that may be left out, but not be null: that would have to mean something else.
_LEFT_OUT: Any = Field(default=None, json_schema_extra=_without_null)


class PostChanges(Body):
    """What is given is changed."""

    text: PostText | None = _LEFT_OUT
    description: Description | None = _LEFT_OUT
    hashtags: Hashtags | None = _LEFT_OUT

    @model_validator(mode="after")
    def _has_no_null(self) -> Self:
        for name in sorted(self.model_fields_set):
            if getattr(self, name) is None:
                message = f"{name}: expected a value; what is left out stays as it is"
                raise ValueError(message)
        return self

    @property
    def edit(self) -> PostEdit:
        """The changes as the post writer takes them."""
        hashtags = None if self.hashtags is None else tuple(self.hashtags)
        return PostEdit(self.text, self.description, hashtags)


class NewUpload(Body):
    """Media about to be uploaded: its type and its exact size."""

    user_id: Id
    content_type: Annotated[str, WithJsonSchema({"type": "string", "enum": list(MEDIA_TYPES)})]
    size_bytes: SizeBytes


class NewFollow(Body):
    """Who follows whom."""

    follower_id: Id
    followee_id: Id


class NewComment(Body):
    """A comment on a post, or a reply to another comment on it."""

    user_id: Id
    post_id: Id
    comment: Annotated[Text, StringConstraints(min_length=1, max_length=COMMENT_CHARACTERS)]
    parent_comment_id: Id | None = None


class NewLike(Body):
    """Who likes what."""

    user_id: Id
    post_id: Id


class ReadMark(Body):
    """The last notification that was read."""

    up_to: Id
