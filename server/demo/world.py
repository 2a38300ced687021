"""Who lives in the demo's world, and what they say: read from `world.toml`."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and the names of whom they follow."""

    name: str
    follows: Sequence[str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a generated picture or clip looks like; a clip has no size of its own."""

    name: str
    seed: int
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class WorldPost:
    """A post: words, and perhaps a picture or a clip."""

    by: str
    age_ms: int
    text: str
    picture: Look | None = None
    clip: Look | None = None


@dataclass(frozen=True, slots=True)
class WorldComment:
    """A comment on the post of that number; `replies` if it answers the comment before it."""

    on: int
    by: str
    text: str
    replies: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """All of it; the first of the people is the one to sign in as, posts are oldest first."""

    people: Sequence[Person]
    posts: Sequence[WorldPost]
    comments: Sequence[WorldComment]


def demo_world() -> World:
    """Return the demo's world."""
    raw = tomllib.loads((files("server.demo") / "world.toml").read_text(encoding="utf-8"))
    return World(
        people=[Person(**each) for each in raw["people"]],
        posts=[_post(each) for each in raw["posts"]],
        comments=[WorldComment(**each) for each in raw["comments"]],
    )


def _post(raw: Mapping[str, Any]) -> WorldPost:
    return WorldPost(
        by=raw["by"],
        age_ms=round(raw["hours_ago"] * HOUR_MS),
        text=raw["text"].strip(),
        picture=_look(raw.get("picture")),
        clip=_look(raw.get("clip")),
    )


def _look(raw: Mapping[str, Any] | None) -> Look | None:
    if raw is None:
        return None
    return Look(raw["look"], raw["seed"], raw.get("width", 0), raw.get("height", 0))
