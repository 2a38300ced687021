"""What a study finds and tells in words."""

import pytest

from scenarios.loader import load
from tests.unit.sim.towns import studied

pytestmark = pytest.mark.slow


def test_a_celebritys_post_is_held_against_the_boxes_that_push_it() -> None:
    """Not against one that takes time for other items, as a clip takes for its seconds."""
    found = studied(load("news_feed", dau=20_000))

    told = [text for text in found.findings("warning") if "most followed account" in text]

    assert len(told) == 1
    assert any(box in told[0] for box in ("feeds db", "follow db", "feed cache"))
