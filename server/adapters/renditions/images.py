"""Images: upright, without metadata, at the widths of the design, as WebP and JPEG."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, ImageSequence

from server.adapters.renditions.limits import RenderLimits
from server.errors import UnrenderableError
from server.model.delivery import JPEG, WEBP, WIDTHS
from server.ports.transcoder import Rendered, RenderedFile

# Pillow opens what the file was declared as, and nothing else: fewer decoders to attack.
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
# WebP has 14 bits for a side.
LONGEST_SIDE = 16_383
_JPEG_QUALITY = 82
_WEBP_QUALITY = 80
_WEBP_EFFORT = 4
_ANIMATION_EFFORT = 2
# What a frame without a duration lasts, milliseconds: as browsers do.
_FRAME_MS = 100
_SRGB = ImageCms.createProfile("sRGB")


def render_image(source: Path, content_type: str, into: Path, limits: RenderLimits) -> Rendered:
    """Make the renditions of an image; nothing of its metadata is in them.

    Raises:
        UnrenderableError: if it is not of its type, damaged, or larger than the limits.
    """
    with _opened(source, _FORMATS[content_type], limits) as image:
        if getattr(image, "n_frames", 1) > 1 and content_type != "image/jpeg":
            return _render_animation(image, into, limits)
        return render_still(_upright(image), into)


def render_still(image: Image.Image, into: Path, *, prefix: str = "") -> Rendered:
    """Make the renditions of a picture in memory."""
    files: list[RenderedFile] = []
    for size in _sizes(image.size):
        picture = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
        files.append(_saved(into, f"{prefix}{size[0]}.webp", size, webp_bytes(picture)))
        files.append(_saved(into, f"{prefix}{size[0]}.jpg", size, jpeg_bytes(picture)))
    return Rendered(image.width, image.height, tuple(files))


def jpeg_bytes(image: Image.Image) -> bytes:
    """Return a picture as JPEG, on white where it is transparent."""
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, progressive=True, optimize=True)
    return buffer.getvalue()


def webp_bytes(image: Image.Image) -> bytes:
    """Return a picture as WebP."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_EFFORT)
    return buffer.getvalue()


@contextmanager
def _opened(source: Path, kind: str, limits: RenderLimits) -> Iterator[Image.Image]:
    # A header tells the size before anything is decoded; Pillow's own check comes at twice this.
    Image.MAX_IMAGE_PIXELS = limits.pixels
    try:
        with Image.open(source, formats=[kind]) as image:
            _expect_pixels(image.width * image.height, limits.pixels)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnrenderableError(reason=_too_large(limits.pixels)) from error
    except MemoryError as error:
        raise UnrenderableError(reason="it takes more memory than it may") from error
    # What decoders raise for damaged files is their own affair: these are all of Pillow's.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's error, not the file's
        reason = str(error).replace(str(source), "the file") or type(error).__name__
        raise UnrenderableError(reason=f"it cannot be read as {kind}: {reason}") from error


def _expect_pixels(found: int, most: int) -> None:
    if found > most:
        raise UnrenderableError(reason=f"{_too_large(most)}; found {found:,}")


def _too_large(most: int) -> str:
    return f"more than {most:,} pixels"


def _upright(image: Image.Image) -> Image.Image:
    """Return the picture decoded, turned as its EXIF says, in sRGB, and with nothing else."""
    image.load()
    turned = ImageOps.exif_transpose(image)
    plain = _plain(turned)
    plain.info = {}
    return _fitted(plain)


def _plain(image: Image.Image) -> Image.Image:
    """Return it as RGB, or as RGBA where some of it is transparent."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    has_alpha = image.has_transparency_data
    profile = image.info.get("icc_profile")
    if image.mode in {"P", "PA", "LA", "La", "RGBa", "1", "L"}:
        return image.convert("RGBA" if has_alpha else "RGB")
    if profile and image.mode in {"RGB", "RGBA", "CMYK"}:
        image = _in_srgb(image, profile)
    return image.convert("RGBA" if has_alpha else "RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return it with the colours that its profile means, which is then not needed any more."""
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGB" if image.mode == "CMYK" else image.mode
        converted = ImageCms.profileToProfile(image, meant, _SRGB, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image  # a damaged profile: as viewers without colour management show it
    return image if converted is None else converted


def _fitted(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    if longest <= LONGEST_SIDE:
        return image
    width, height = (max(1, side * LONGEST_SIDE // longest) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _sizes(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the sizes of renditions, never above the source, which comes last."""
    width, height = size
    for narrower in WIDTHS:
        if narrower < width:
            yield narrower, max(1, round(height * narrower / width))
    yield size


def _render_animation(image: Image.Image, into: Path, limits: RenderLimits) -> Rendered:
    """Make an animated WebP of each size, and a JPEG of the first frame."""
    frames = getattr(image, "n_frames", 1)
    _expect_pixels(image.width * image.height * frames, limits.animation_pixels)
    loops = int(image.info.get("loop", 1))
    files: list[RenderedFile] = []
    for size in _sizes(image.size):
        pictures, durations_ms = _frames(image, size)
        content = _animated_webp(pictures, durations_ms, loops)
        files.append(_saved(into, f"{size[0]}.webp", size, content))
        first = jpeg_bytes(pictures[0])
        files.append(_saved(into, f"{size[0]}.jpg", size, first))
    return Rendered(image.width, image.height, tuple(files))


def _frames(
    image: Image.Image, size: tuple[int, int]
) -> tuple[Sequence[Image.Image], Sequence[int]]:
    pictures, durations_ms = [], []
    for frame in ImageSequence.Iterator(image):
        picture = frame.convert("RGBA")
        picture.info = {}
        pictures.append(
            picture if size == image.size else picture.resize(size, Image.Resampling.LANCZOS)
        )
        durations_ms.append(int(frame.info.get("duration", 0)) or _FRAME_MS)
    return pictures, durations_ms


def _animated_webp(
    pictures: Sequence[Image.Image], durations_ms: Sequence[int], loops: int
) -> bytes:
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=list(durations_ms),
        loop=loops,
        quality=_WEBP_QUALITY,
        method=_ANIMATION_EFFORT,
    )
    return buffer.getvalue()


def _saved(into: Path, name: str, size: tuple[int, int], content: bytes) -> RenderedFile:
    path = into / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return RenderedFile(name, _TYPES[path.suffix], *size, len(content))


_TYPES = {".webp": WEBP, ".jpg": JPEG}
