"""The size of a picture is known from its first bytes, before anything has decoded it."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from server.adapters.pictures import PillowPictures
from server.ports.pictures import PICTURE_HEAD_BYTES
from tests.unit.server.pictures import TURNED, noise


def encoded(kind: str, **options: object) -> bytes:
    """Return a picture of 400 × 600 that is longer than what is looked at."""
    buffer = io.BytesIO()
    noise(np.random.default_rng(1), 400, 600).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 100}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 100}),
        ("WEBP", {"quality": 100, "icc_profile": b"profile"}),
    ],
)
def test_the_beginning_of_a_large_file_tells(kind: str, options: dict[str, object]) -> None:
    data = encoded(kind, **options)
    assert len(data) > PICTURE_HEAD_BYTES / 2

    for head in (data[: len(data) // 2], data):
        assert asyncio.run(PillowPictures().size(head)) == (400, 600)


def test_a_picture_on_its_side_is_as_large_as_it_is_shown() -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED

    assert asyncio.run(PillowPictures().size(encoded("PNG", exif=exif))) == (600, 400)


@pytest.mark.parametrize("head", [b"", b"RIFF", b"RIFF\0\0\0\0WEBPnone" + bytes(20)])
def test_what_is_no_picture_has_no_size(head: bytes) -> None:
    assert asyncio.run(PillowPictures().size(head)) is None
