"""How much an upload may ask of the machine before it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """Limits of one file's rendering; past any of them it ends in an error that says which.

    Attributes:
        pixels: of an image as it is decoded, or of one frame.
        jpeg_pixels: of a JPEG, which is read at half its sides where that is needed to keep within
            `pixels` (200 million holds what phones' sensors have).
        animation_pixels: of all frames of an animation together.
        video_pixels: of a frame of a video (4096 × 2304 holds 4K in every shape).
        memory_bytes: address space of each process.
        cpu_s: CPU seconds of each process.
        wall_s: seconds from the start to the end.
        file_bytes: of each file that is written.
    """

    pixels: int = 64_000_000
    jpeg_pixels: int = 210_000_000
    animation_pixels: int = 100_000_000
    video_pixels: int = 4096 * 2304
    memory_bytes: int = 1_536 * 1024 * 1024
    cpu_s: int = 600
    wall_s: float = 900.0
    file_bytes: int = 2 * 1024**3
