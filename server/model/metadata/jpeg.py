"""What a JPEG tells beside its picture: every application segment but the few that colours need.

Source: ITU-T T.81, annex B (markers); ICC.1:2022, annex B.4; CIPA DC-007, whose further pictures
stand behind the end of the first.
"""

import re
from collections.abc import Iterator

from server.model.metadata.blanks import MOST_BLANKS, Blank, Search, whole, with_rest
from server.model.metadata.exif import PREFIX, bare_exif

_MARKER = re.compile(rb"\xff[^\x00\xff]")
# Within a scan, restarts are part of it.
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_END, _SCAN, _COMMENT = 0xD9, 0xDA, 0xFE
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_APPLICATION = range(0xE0, 0xF0)
_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}


def jpeg_blanks(size_bytes: int) -> Search:
    """Return what to blank; of the EXIF, the orientation stays."""
    data = yield from whole(size_bytes)
    blanks: list[Blank] = []
    place, markers = 0, _MARKER
    while len(blanks) < MOST_BLANKS:
        found = markers.search(data, place)
        if found is None:
            # Cut short: in the middle of a scan, or where nothing of the picture has come yet.
            return blanks if markers is _MARKER_AFTER_SCAN else with_rest(blanks, place, len(data))
        if markers is _MARKER and found.start() > place:
            blanks.append(Blank(place, found.start() - place))
        code, place = data[found.end() - 1], found.end()
        if code == _END:
            break
        if code in _ALONE:
            continue
        end = place + int.from_bytes(data[place : place + 2])
        if not place + 2 <= end <= len(data):
            break
        if code == _COMMENT or code in _APPLICATION:
            blanks += _segment_blanks(data[place + 2 : end], code, place + 2)
        place, markers = end, _MARKER_AFTER_SCAN if code == _SCAN else _MARKER
    return with_rest(blanks, place, len(data))


def _segment_blanks(content: bytes, code: int, first_byte: int) -> Iterator[Blank]:
    kept = _KEPT.get(code)
    if content and not (kept and content.startswith(kept)):
        head = bare_exif(content) if content.startswith(PREFIX) else b""
        yield Blank(first_byte, len(content), head)
