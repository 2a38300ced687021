"""Files that are damaged in many ways, and the worker that has to tell what becomes of them."""

import os
import struct
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from server.adapters.renditions import worker
from server.adapters.renditions.limits import RenderLimits

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    """Return a file with damage of one of five kinds behind the bytes that tell its type."""
    hurt = (_flipped, _flipped_near_the_start, _extreme, _cut, _doubled)[rng.integers(5)]
    return hurt(rng, content)


def _flipped(rng: np.random.Generator, content: bytes, *, until: int | None = None) -> bytes:
    changed = bytearray(content)
    places = rng.integers(_TYPED, until or len(content), rng.integers(1, 21))
    for place in places.tolist():
        changed[place] ^= int(rng.integers(1, 256))
    return bytes(changed)


_TYPED = 12
"""Bytes that the upload's type was told by: with others it would not have been taken."""


def _flipped_near_the_start(rng: np.random.Generator, content: bytes) -> bytes:
    return _flipped(rng, content, until=min(len(content), 400))


def _extreme(rng: np.random.Generator, content: bytes) -> bytes:
    """Numbers of four bytes that are as small or as large as they get."""
    changed = bytearray(content)
    for place in rng.integers(_TYPED, len(content) - 4, 3).tolist():
        changed[place : place + 4] = bytes([int(rng.choice(_EXTREMES))]) * 4
    return bytes(changed)


def _cut(rng: np.random.Generator, content: bytes) -> bytes:
    return content[: rng.integers(_TYPED, len(content))]


def _doubled(rng: np.random.Generator, content: bytes) -> bytes:
    """A part that comes twice, or is missing, so that all behind it is elsewhere."""
    first, last = sorted(rng.integers(_TYPED, len(content), 2).tolist())
    return content[:last] + content[first if rng.integers(2) else last + 1 :]


def retyped(photo: bytes) -> Iterator[bytes]:
    """Yield a photo with each entry of its first two EXIF directories told to be of each type.

    Source: TIFF 6.0, section 2: a directory is a count and entries of 12 bytes, which begin with a
    tag and a type.
    """
    tiff = photo.index(b"Exif\0\0") + 6
    order = "<" if photo[tiff : tiff + 2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", photo, tiff + 4)
    (entries,) = struct.unpack_from(f"{order}H", photo, tiff + first)
    places = [tiff + first + 2 + 12 * number for number in range(entries)]
    for place in list(places):
        tag, _, _, where = struct.unpack_from(f"{order}HHII", photo, place)
        if tag in _DIRECTORIES:
            (entries,) = struct.unpack_from(f"{order}H", photo, tiff + where)
            places += [tiff + where + 2 + 12 * number for number in range(entries)]
    for place in places:
        for kind in range(_TYPES):
            changed = bytearray(photo)
            struct.pack_into(f"{order}H", changed, place + 2, kind)
            yield bytes(changed)


_DIRECTORIES = {0x8769, 0x8825}
_TYPES = 14


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit code, or minus a signal, and what it said."""

    code: int
    told: bytes
    complaint: bytes


def worked(source: Path, content_type: str, into: Path, limits: RenderLimits) -> Ended:
    """Have the real worker render a file: a fork, which spares the start of an interpreter."""
    asked = {"source": str(source), "content_type": content_type, "into": str(into)}
    line = orjson.dumps(asked | {"limits": asdict(limits)}) + b"\n"
    pipes = [os.pipe() for _ in range(3)]
    child = os.fork()
    if not child:
        _be_the_worker(pipes)
    (asks, question), *answers = pipes
    os.close(asks)
    for _, end in answers:
        os.close(end)
    try:
        os.write(question, line)
        told, complaint = (_read(begin) for begin, _ in answers)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(question)
    return Ended(os.waitstatus_to_exitcode(status), told, complaint)


def _be_the_worker(pipes: list[tuple[int, int]]) -> None:
    """Go on as a worker whose standard input and outputs are these pipes; never to return."""
    code = 1
    try:
        os.setsid()
        warnings.resetwarnings()  # those of tests are errors
        (asks, question), (_, answer), (_, complaint) = pipes
        os.close(question)
        sys.stdin = os.fdopen(asks)
        sys.stdout = os.fdopen(answer, "w")
        os.dup2(complaint, 2)
        worker.main()
    except BaseException as error:  # noqa: BLE001 - told as an interpreter would, by its exit code
        os.write(2, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(code)


def _read(end: int) -> bytes:
    with os.fdopen(end, "rb") as file:
        return file.read()


def seeded(seed: int, content: bytes, *, files: int) -> Iterator[bytes]:
    """Yield so many damaged versions of a file, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(files):
        yield damaged(rng, content)
