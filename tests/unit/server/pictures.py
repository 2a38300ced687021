"""Real pictures and clips, made for a test."""

import io
import subprocess
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

TOP, BOTTOM = (220, 40, 40), (40, 40, 220)
TURNED = 6  # EXIF: shown turned by 90 degrees clockwise
GPS_TAG = 0x8825
SECRET = b"51 deg 28 min north"


def two_halves(width: int, height: int, *, mode: str = "RGB") -> Image.Image:
    """Red above, blue below."""
    picture = Image.new("RGB", (width, height), BOTTOM)
    picture.paste(TOP, (0, 0, width, height // 2))
    return picture.quantize() if mode == "P" else picture.convert(mode)


def noise(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a picture that hardly compresses."""
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def photo_with_a_place(path: Path) -> None:
    """A JPEG that is 800 × 600 as stored, 600 × 800 as shown, and tells where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(GPS_TAG).update({1: "N", 2: (51.0, 28.0, 38.0), 3: "W", 4: (0.0, 0.0, 5.0)})
    xmp = b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    picture = two_halves(800, 600)
    picture.save(path, "JPEG", quality=95, exif=exif, xmp=xmp, comment=SECRET)


def animation(
    path: Path, *, frames: int = 3, kind: str = "GIF", size: tuple[int, int] = (700, 90)
) -> None:
    """Three colours in turn, 200 ms each, for ever."""
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    pictures = [Image.new("RGB", size, colours[number % 3]) for number in range(frames)]
    pictures[0].save(
        path, kind, save_all=True, append_images=pictures[1:], duration=200, loop=0, lossless=True
    )


def png_bomb() -> bytes:
    """A PNG of 40,000 × 40,000 pixels in a few hundred kilobytes."""
    buffer = io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def clip(path: Path, *, size: str = "640x480", seconds: float = 1, sound: bool = True) -> None:
    """A test pattern with a tone, and a place in its metadata."""
    command = [get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi"]
    command += ["-i", f"testsrc=s={size}:d={seconds}:r=10"]
    if sound:
        command += ["-f", "lavfi", "-i", f"sine=d={seconds}"]
    webm = path.suffix == ".webm"
    codecs = (
        ["-c:v", "libvpx", "-deadline", "realtime"]
        if webm
        else ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"]
    )
    command += [*codecs, "-metadata", f"location={SECRET.decode()}"]
    command += ["-metadata", f"comment={SECRET.decode()}", "-threads", "1", str(path)]
    subprocess.run(command, check=True)
