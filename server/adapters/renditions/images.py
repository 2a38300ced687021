"""Images: upright, without metadata, at the widths of the design, as WebP and JPEG."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageCms, ImageFile, ImageSequence

from server.adapters.renditions.limits import RenderLimits
from server.errors import UnrenderableError
from server.model.delivery import JPEG, WEBP, WIDTHS
from server.model.metadata.exif import orientation_of
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
_OUT_OF_MEMORY = "encoding error 1"  # as Pillow tells what libwebp says
_TYPES = {".webp": WEBP, ".jpg": JPEG}
# By the EXIF orientation that a picture is stored in.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def render_image(source: Path, content_type: str, into: Path, limits: RenderLimits) -> Rendered:
    """Make the renditions of an image; nothing of its metadata is in them.

    Raises:
        UnrenderableError: if it is not of its type, damaged, or larger than the limits.
    """
    with _opened(source, _FORMATS[content_type], limits) as image:
        if content_type != JPEG and getattr(image, "n_frames", 1) > 1:
            return _render_animation(image, into, limits)
        return render_still(_upright(image), into)


def render_still(image: Image.Image, into: Path, *, prefix: str = "") -> Rendered:
    """Make the renditions of a picture in memory."""
    image = _resized(image, _fitted(image.size))
    files: list[RenderedFile] = []
    for size in _sizes(image.size):
        picture = _resized(image, size)
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
    try:
        image.save(buffer, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_EFFORT)
    except ValueError as error:
        if str(error) == _OUT_OF_MEMORY:
            raise MemoryError from error
        raise
    return buffer.getvalue()


@contextmanager
def _opened(source: Path, kind: str, limits: RenderLimits) -> Iterator[Image.Image]:
    most = limits.jpeg_pixels if kind == "JPEG" else limits.pixels
    # A header tells the size before anything is decoded; Pillow's own check comes at twice this.
    Image.MAX_IMAGE_PIXELS = most
    # What is cut short is shown as far as it goes, as browsers do. This process ends with the file.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(source, formats=[kind]) as image:
            _expect_pixels(image.width * image.height, most)
            if image.width * image.height > limits.pixels:
                image.draft(image.mode, (image.width // 2, image.height // 2))
            yield image
    except UnrenderableError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnrenderableError(reason=_too_large(most)) from error
    except MemoryError as error:
        raise UnrenderableError(reason="it takes more memory than it may") from error
    except Exception as error:  # what decoders raise for damaged files is their own affair
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
    # Not Pillow's own way, which writes the EXIF anew and stumbles over odd tags in it.
    turn = _TURNS.get(orientation_of(image.info.get("exif", b"")))
    plain = _plain(image if turn is None else image.transpose(turn))
    plain.info = {}
    return plain


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


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size of the same shape that WebP has room for."""
    longest = max(size)
    if longest <= LONGEST_SIDE:
        return size
    width, height = (max(1, side * LONGEST_SIDE // longest) for side in size)
    return width, height


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


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
    largest = _fitted(image.size)
    for size in _sizes(largest):
        pictures, durations_ms = _frames(image, size)
        content = _animated_webp(pictures, durations_ms, loops)
        files.append(_saved(into, f"{size[0]}.webp", size, content))
        first = jpeg_bytes(pictures[0])
        files.append(_saved(into, f"{size[0]}.jpg", size, first))
    return Rendered(*largest, tuple(files))


def _frames(
    image: Image.Image, size: tuple[int, int]
) -> tuple[Sequence[Image.Image], Sequence[int]]:
    pictures, durations_ms = [], []
    for frame in ImageSequence.Iterator(image):
        picture = frame.convert("RGBA")
        picture.info = {}
        pictures.append(_resized(picture, size))
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
