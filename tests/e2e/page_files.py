"""Files that are attached to a post on the page."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.e2e.windows import Window

# A post that has just come is still on its way to its place.
ARRIVED_MS = 800


def with_a_post(two: tuple[Window, Window]) -> tuple[Window, Window]:
    """Have Bo, who follows Ada, see a post of hers; both are at home."""
    ada, bo = two
    ada.write("Pictures will follow")
    bo.post_with("Pictures will follow").wait_for()
    return ada, bo


def picture(file: Path, *, width: int, height: int) -> Path:
    """Draw noise over a slope, which compresses as badly as a photo."""
    rng = np.random.default_rng(1)
    slope = np.linspace(60, 180, width)[None, :, None]
    pixels = slope + rng.normal(0, 12, (height, width, 3))
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, quality=90)
    return file


def attach(person: Window, file: Path) -> None:
    """Choose a file for a new post."""
    person.page.locator(".composer input[type=file]").set_input_files(file)


def send(person: Window, text: str) -> None:
    """Post what is attached, with that text."""
    person.page.locator("#composer-text").fill(text)
    person.page.get_by_role("button", name="Post", exact=True).click()
