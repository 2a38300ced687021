"""Random draws for the engine: one generator a source, numbers drawn in blocks."""

import zlib
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2048


def generator(seed: int, replication: int, source: str) -> np.random.Generator:
    """Return the generator of one random source in one replication.

    Each source has its own, found by its name, so that a change in one leaves the draws of all
    others alone (common random numbers).
    """
    key = (replication, zlib.crc32(source.encode()))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def blocks(draw: Callable[[int], NDArray[np.generic]]) -> Iterator[float]:
    """Yield numbers one by one that `draw` gives in blocks; a call for each would be slow."""
    while True:
        yield from draw(_BLOCK).tolist()


def unit_service_times(rng: np.random.Generator, *, scv: float) -> Iterator[float]:
    """Yield service times of mean one: gamma with that squared coefficient of variation.

    Gamma covers constant (0), exponential (1) and anything between or beyond with two moments.
    """
    if scv == 0:
        return blocks(np.ones)
    return blocks(lambda size: rng.gamma(1 / scv, scv, size))


def uniforms(rng: np.random.Generator) -> Iterator[float]:
    """Yield numbers uniform in [0, 1)."""
    return blocks(rng.random)
