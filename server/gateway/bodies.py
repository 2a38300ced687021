"""The bodies that calls take, with their limits."""

import re
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from server.model.ids import LARGEST_ID
from server.model.media import MEDIA_TYPES

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

_ID = re.compile("^[0-9]{1,19}$", re.ASCII)


def _without_nul(text: str) -> str:
    if "\0" in text:
        message = "expected a text without NUL"
        raise ValueError(message)
    return text


def _one_by_one(hashtags: object) -> object:
    """Split a text of hashtags, as the design document's example has it."""
    return hashtags.replace(",", " ").split() if isinstance(hashtags, str) else hashtags


def _id(text: object) -> int:
    if not (isinstance(text, str) and _ID.fullmatch(text)) or int(text) > LARGEST_ID:
        message = f"expected an id: a text of digits, at most {LARGEST_ID}"
        raise ValueError(message)
    return int(text)


Id = Annotated[
    int,
    BeforeValidator(_id),
    WithJsonSchema({"type": "string", "pattern": _ID.pattern, "description": "a decimal number"}),
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
    Text, StringConstraints(min_length=1, max_length=NAME_CHARACTERS, pattern=r"^\S(.*\S)?$")
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


class PostChanges(Body):
    """What is given is changed."""

    text: PostText | None = None
    description: Description | None = None
    hashtags: Hashtags | None = None

    def given(self) -> dict[str, Any]:
        """Return the changes by the name of the field."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("hashtags") is not None:
            given["hashtags"] = tuple(given["hashtags"])
        return {name: value for name, value in given.items() if value is not None}


class NewUpload(Body):
    """Media about to be uploaded: its type and its exact size."""

    user_id: Id
    content_type: Annotated[str, WithJsonSchema({"type": "string", "enum": list(MEDIA_TYPES)})]
    size_bytes: Annotated[int, Field(ge=1, le=LARGEST_ID)]


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
