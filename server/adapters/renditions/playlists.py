"""HLS playlists of files whose fragments are addressed by their bytes.

Source: RFC 8216; Apple, HLS Authoring Specification, for the bit rates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from server.adapters.renditions.boxes import Structure


@dataclass(frozen=True, slots=True)
class Variant:
    """One size of a video."""

    playlist: str
    width: int
    height: int
    structure: Structure

    @property
    def peak_bits_per_s(self) -> int:
        """The highest bit rate of a fragment."""
        rates = (
            each.size_bytes * 8 / each.duration_s
            for each in self.structure.fragments
            if each.duration_s > 0
        )
        return math.ceil(max(rates, default=0.0))

    @property
    def mean_bits_per_s(self) -> int:
        """The bit rate of all fragments together."""
        duration_s = math.fsum(each.duration_s for each in self.structure.fragments)
        size_bytes = sum(each.size_bytes for each in self.structure.fragments)
        return math.ceil(size_bytes * 8 / duration_s) if duration_s else 0


def media_playlist(file_name: str, parts: Structure) -> str:
    """Return the playlist of one file, which lies beside it."""
    longest_s = max((each.duration_s for each in parts.fragments), default=0.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(longest_s))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{file_name}",BYTERANGE="{parts.head_bytes}@0"',
    ]
    for each in parts.fragments:
        lines += [
            f"#EXTINF:{each.duration_s:.6f},",
            f"#EXT-X-BYTERANGE:{each.size_bytes}@{each.first_byte}",
            file_name,
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master_playlist(variants: Sequence[Variant]) -> str:
    """Return the playlist that a player chooses a size from, as its connection allows."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for each in variants:
        attributes = {
            "BANDWIDTH": each.peak_bits_per_s,
            "AVERAGE-BANDWIDTH": each.mean_bits_per_s,
            "RESOLUTION": f"{each.width}x{each.height}",
            "CODECS": f'"{each.structure.codecs}"',
        }
        listed = ",".join(f"{name}={value}" for name, value in attributes.items())
        lines += [f"#EXT-X-STREAM-INF:{listed}", each.playlist]
    return "\n".join([*lines, ""])
