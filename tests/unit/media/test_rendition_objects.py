"""The objects that the estimates pay for are those that the server's renditions are stored as."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from scenarios.loader import load
from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.transcoder import ProcessTranscoder
from tests.unit.server.pictures import clip, noise

LIMITS = RenderLimits(cpu_s=60, wall_s=120)


def objects_made_of(source: Path, content_type: str, into: Path) -> int:
    into.mkdir()
    transcoder = ProcessTranscoder(workers=1, limits=LIMITS)
    made = asyncio.run(transcoder.render(source, content_type, into))
    stored = [path for path in into.rglob("*") if path.is_file()]
    assert len(made.files) == len(stored)
    return len(stored)


@pytest.mark.parametrize(("width", "end"), [(1_200, "value"), (1_200, "high"), (300, "low")])
def test_an_image_is_stored_as_the_objects_of_the_estimates(
    tmp_path: Path, width: int, end: str
) -> None:
    noise(np.random.default_rng(1), width, 90).save(tmp_path / "a.jpg")
    figure = load("news_feed").storage.image_objects

    found = objects_made_of(tmp_path / "a.jpg", "image/jpeg", tmp_path / "made")

    assert found == {"value": figure, "low": figure.low, "high": figure.high}[end]


@pytest.mark.parametrize(
    ("size", "end"), [("1280x720", "value"), ("1920x1080", "high"), ("160x120", "low")]
)
def test_a_clip_is_stored_as_the_objects_of_the_estimates(
    tmp_path: Path, size: str, end: str
) -> None:
    clip(tmp_path / "a.mp4", size=size)
    figure = load("news_feed").storage.video_objects

    found = objects_made_of(tmp_path / "a.mp4", "video/mp4", tmp_path / "made")

    assert found == {"value": figure, "low": figure.low, "high": figure.high}[end]
