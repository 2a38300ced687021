"""Pictures drawn with numbers: hills, nights, seas, tiles and maps, each from its seed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from server.demo.world import Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

JPEG_QUALITY = 88
GRAIN = 0.012

# From far to near, and the sky from top to bottom: red, green and blue, 0 to 1.
_PALETTES = (
    ("#f3d9b1", "#e8927c", "#5f6f8f", "#1f2d3d"),
    ("#dfe9e4", "#9fc3b5", "#4d7c74", "#12312e"),
    ("#fbe3d0", "#f0a58f", "#a65a6a", "#3b2138"),
    ("#e6ecf5", "#a7bbd6", "#54729c", "#182842"),
    ("#f7ecc8", "#e6b655", "#8a6a3c", "#2e2a1f"),
)


def draw(look: Look, file: Path) -> None:
    """Draw a picture of that look into a JPEG file."""
    rng = np.random.default_rng(look.seed)
    palette = _colours(*_PALETTES[look.seed % len(_PALETTES)])
    canvas = _LOOKS[look.name](look.height, look.width, palette, rng)
    canvas += GRAIN * rng.standard_normal(canvas.shape[:2], dtype=np.float32)[..., None]
    pixels = (np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(file, quality=JPEG_QUALITY, optimize=True)


def _colours(*texts: str) -> "Floats":
    parts = [[int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)] for text in texts]
    return np.array(parts, dtype=np.float32)


def _blend(stops: "Floats", share: "Floats") -> "Floats":
    """Return colours between stops that lie evenly from 0 to 1."""
    places = np.linspace(0, 1, len(stops))
    parts = [np.interp(share, places, stops[:, part]) for part in range(3)]
    return np.stack(parts, axis=-1).astype(np.float32)


def _noise(length: int, octaves: int, rng: np.random.Generator) -> "Floats":
    """Return smooth random heights along a line, around 0."""
    at = np.linspace(0, 1, length)
    heights = np.zeros(length)
    for octave in range(octaves):
        points = 3 * 2**octave + 2
        values = rng.normal(0, 1, points) / 1.9**octave
        where = at * (points - 1)
        left = np.minimum(where.astype(int), points - 2)
        share = where - left
        share = share * share * (3 - 2 * share)
        heights += values[left] * (1 - share) + values[left + 1] * share
    return heights


def _field(height: int, width: int, rng: np.random.Generator) -> "Floats":
    """Return a smooth random surface, about 0 to 1."""
    y, x = np.ogrid[0:height, 0:width]
    y, x = (each.astype(np.float32) / max(height, width) for each in (y, x))
    surface = np.zeros((height, width), dtype=np.float32)
    for _ in range(14):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        waves = rng.uniform(1.0, 4.5)
        along = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
        turns = np.float32(2 * np.pi * waves) * along + np.float32(phase)
        surface += np.sin(turns) / np.float32(waves)
    surface -= surface.min()
    return np.asarray(surface / surface.max())


def _disc(height: int, width: int, centre: tuple[float, float], radius: float) -> "Floats":
    """Return how much of each pixel is in a disc."""
    y, x = np.ogrid[0:height, 0:width]
    distance = np.hypot(x - centre[0] * width, y - centre[1] * height)
    inside = np.clip(radius * min(height, width) - distance + 0.5, 0, 1)
    return np.asarray(inside, dtype=np.float32)


def _over(canvas: "Floats", colour: "Floats", share: "Floats") -> "Floats":
    """Lay a colour over a canvas, by shares of its pixels; only rows with any of it change."""
    rows = np.flatnonzero(share.any(axis=1))
    if len(rows) > 0:
        part = slice(rows[0], rows[-1] + 1)
        canvas[part] += (colour - canvas[part]) * share[part, :, None].astype(np.float32)
    return canvas


def _hills(height: int, width: int, palette: "Floats", rng: np.random.Generator) -> "Floats":
    down = np.linspace(0, 1, height)[:, None] * np.ones(width)
    canvas = _blend(palette[[1, 0, 0]], down * 1.1)
    sun = (float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.24, 0.36)))
    canvas = _over(canvas, palette[0] * 0.5 + 0.5, _disc(height, width, sun, 0.075))
    rows = np.arange(height)[:, None]
    layers = 6
    for layer in range(layers):
        nearness = (layer + 1) / layers
        ridge = (0.4 + 0.5 * nearness - 0.055 * _noise(width, 3 + layer // 2, rng)) * height
        inside = np.clip(rows - ridge + 0.5, 0, 1)
        colour = _blend(palette[1:], np.array([nearness]))[0]
        # The foot of each ridge lies in the mist of the next.
        mist = np.clip((rows - ridge) / (0.34 * height), 0, 1) * 0.45 * (1 - nearness)
        canvas = _over(canvas, colour, inside)
        canvas = _over(canvas, palette[0], inside * mist)
    return np.asarray(canvas)


def _night(height: int, width: int, palette: "Floats", rng: np.random.Generator) -> "Floats":
    down = np.linspace(0, 1, height)[:, None] * np.ones(width)
    sky = np.concatenate([_colours("#0a1020", "#182746", "#47557d"), palette[1:2] * 0.8])
    canvas = _blend(sky, down * 0.95)
    cloud = _field(height, width, rng)
    canvas += (np.clip(cloud - 0.45, 0, 1) * 0.22)[..., None] * _colours("#b3bfff")[0]
    for _ in range(900):
        y, x = int(rng.integers(0, round(height * 0.8))), int(rng.integers(0, width))
        canvas[y : y + 2, x : x + 2] += rng.uniform(0.15, 0.85)
    moon = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.15, 0.3)))
    glow = _disc(height, width, moon, 0.05)
    canvas = _over(canvas, _colours("#faf2db")[0], glow)
    ridge = (0.82 - 0.05 * _noise(width, 5, rng)) * height
    ground = np.clip(np.arange(height)[:, None] - ridge + 0.5, 0, 1)
    return _over(canvas, _colours("#070b14")[0], ground)


def _waves(height: int, width: int, palette: "Floats", rng: np.random.Generator) -> "Floats":
    rows = np.arange(height)[:, None]
    canvas = np.broadcast_to(palette[0], (height, width, 3)).copy()
    bands = 16
    for band in range(bands):
        share = band / (bands - 1)
        crest = (0.18 + 0.84 * share**1.25) * height
        swell = _noise(width, 3, rng) * (6 + 26 * share)
        inside = np.clip(rows - crest - swell + 0.5, 0, 1)
        colour = _blend(palette, np.array([0.12 + 0.8 * share]))[0]
        canvas = _over(canvas, colour, inside)
        foam = np.clip(1 - np.abs(rows - crest - swell) / (1.2 + 2.2 * share), 0, 1)
        canvas = _over(canvas, palette[0] * 0.6 + 0.4, foam * 0.65)
    return np.asarray(canvas)


def _tiles(height: int, width: int, palette: "Floats", rng: np.random.Generator) -> "Floats":
    size = 100
    rows, columns = height // size + 1, width // size + 1
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    canvas = np.zeros((rows * size, columns * size, 3), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            ground, ink, other = rng.permutation(len(palette))[:3]
            corner = rng.integers(0, 2, 2)
            distance = np.hypot(x - corner[0], y - corner[1])
            tile = np.broadcast_to(palette[ground], (size, size, 3)).copy()
            tile = _over(tile, palette[ink], np.clip((0.98 - distance) * size, 0, 1))
            if rng.random() < 0.6:  # noqa: PLR2004 - most tiles have a second ring
                tile = _over(tile, palette[other], np.clip((0.5 - distance) * size, 0, 1))
            place = slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size)
            canvas[place] = tile
    return np.asarray(canvas[:height, :width])


def _contours(height: int, width: int, palette: "Floats", rng: np.random.Generator) -> "Floats":
    surface = _field(height, width, rng)
    steps = 18
    canvas = _blend(palette[[0, 0, 1, 2]], np.floor(surface * steps) / steps)
    slope = np.hypot(*np.gradient(surface * steps))
    nearest = np.abs(surface * steps - np.round(surface * steps))
    line = np.clip(1.2 - nearest / np.maximum(slope, 1e-6), 0, 1)
    canvas = _over(canvas, palette[3], line * 0.55)
    water = np.clip((0.2 - surface) * 40, 0, 1)
    return _over(canvas, _colours("#7fa8b8")[0], water * 0.85)


_LOOKS: Mapping[str, Callable[[int, int, "Floats", np.random.Generator], "Floats"]] = {
    "hills": _hills,
    "night": _night,
    "waves": _waves,
    "tiles": _tiles,
    "contours": _contours,
}
