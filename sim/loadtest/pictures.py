"""Pictures to upload, made once for a run."""

from io import BytesIO

import numpy as np
from PIL import Image

PICTURES = 8
WIDTH, HEIGHT = 640, 480
_COARSE = 24
_QUALITY = 80


def pictures(rng: np.random.Generator) -> list[bytes]:
    """Return a few JPEGs of some tens of kilobytes each, none like another.

    Soft colours with a grain, which a JPEG needs about as many bytes for as a photograph.
    """
    return [_picture(rng) for _ in range(PICTURES)]


def _picture(rng: np.random.Generator) -> bytes:
    coarse = rng.integers(256, size=(HEIGHT // _COARSE, WIDTH // _COARSE, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grain = rng.integers(-10, 11, size=(HEIGHT, WIDTH, 1))
    pixels = np.clip(np.asarray(soft, dtype=np.int16) + grain, 0, 255).astype(np.uint8)
    into = BytesIO()
    Image.fromarray(pixels).save(into, "JPEG", quality=_QUALITY)
    return into.getvalue()
