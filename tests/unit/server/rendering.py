"""How tests have files rendered, each in a process of its own."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import pytest

from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.errors import UnrenderableError
from server.ports.transcoder import Rendered

LIMITS = RenderLimits(cpu_s=30, wall_s=40)
Result = TypeVar("Result")


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


def rendered(
    source: Path, content_type: str, into: Path, *, limits: RenderLimits = LIMITS
) -> Rendered:
    return now(ProcessTranscoder(workers=1, limits=limits).render(source, content_type, into))


def refusal(source: Path, content_type: str, into: Path, limits: RenderLimits = LIMITS) -> str:
    with pytest.raises(UnrenderableError) as refused:
        rendered(source, content_type, into, limits=limits)
    return refused.value.reason


def sizes(made: Rendered, content_type: str) -> list[tuple[int, int]]:
    return [(each.width, each.height) for each in made.files if each.content_type == content_type]


def near(found: object, wanted: tuple[int, ...]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 30 for one, other in zip(found, wanted, strict=True))
