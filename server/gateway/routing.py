"""Which call a path is for, found by its segments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Generic, TypeVar

Target = TypeVar("Target")
_Segments = Sequence[str]
# An empty one, and one that says what the rest is.
_BEFORE_REST = 2


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    """What is registered for a pattern such as `/v1/feeds/{userId}`.

    Attributes:
        names: of the parameters, with their places among the segments.
    """

    target: Target
    pattern: str
    names: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Shape(Generic[Target]):
    """Routes with their parameters in the same places, by method and the segments between."""

    places: tuple[int, ...]
    fixed: Callable[[_Segments], object]
    routes: dict[tuple[str, object], Route[Target]] = field(default_factory=dict)


class Router(Generic[Target]):
    """Finds what was registered for a method and a pattern.

    Segments are looked up in a dictionary, where aiohttp's dispatcher tries regular expressions and
    makes an object of what it found.
    """

    def __init__(self) -> None:
        self._shapes: dict[int, list[_Shape[Target]]] = {}
        self._rests: dict[tuple[str, str, str], Route[Target]] = {}

    def add(self, method: str, pattern: str, target: Target) -> None:
        """Register a target."""
        segments = pattern.split("/")
        places = tuple(at for at, segment in enumerate(segments) if segment.startswith("{"))
        of_this_length = self._shapes.setdefault(len(segments), [])
        shape = next((each for each in of_this_length if each.places == places), None)
        if shape is None:
            shape = _Shape(places, itemgetter(*(set(range(len(segments))) - {*places})))
            of_this_length.append(shape)
        names = tuple((segments[place].strip("{}"), place) for place in places)
        shape.routes[method, shape.fixed(segments)] = Route(target, pattern, names)

    def add_rest(self, method: str, pattern: str, target: Target) -> None:
        """Register a target for a pattern such as `/media/{key}`, whose name is for all the rest.

        What is added by `add` goes before it.
        """
        empty, first, name = pattern.split("/")
        names = ((name.strip("{}"), _BEFORE_REST),)
        self._rests[method, empty, first] = Route(target, pattern, names)

    def find(self, method: str, path: str) -> tuple[Route[Target], Mapping[str, str]] | None:
        """Return what a path, without its query, is for, and what stands in it for the names.

        None if it is for nothing, or has escapes.
        """
        segments = path.split("/")
        for shape in self._shapes.get(len(segments), ()):
            route = shape.routes.get((method, shape.fixed(segments)))
            if route is not None and "%" not in path:
                return route, {name: segments[place] for name, place in route.names}
        if len(segments) > _BEFORE_REST and "%" not in path:
            rest = self._rests.get((method, segments[0], segments[1]))
            if rest is not None:
                [(name, place)] = rest.names
                return rest, {name: "/".join(segments[place:])}
        return None
