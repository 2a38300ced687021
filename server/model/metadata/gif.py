"""What a GIF tells beside its pictures: comments, plain texts, and applications' own data.

Source: CompuServe, Graphics Interchange Format, version 89a (1990), sections 17 to 27.
"""

from server.model.metadata.blanks import MOST_BLANKS, Blank, Search, whole, with_rest

_HEAD_BYTES, _DESCRIPTOR_BYTES = 13, 10
_PICTURE, _EXTENSION = 0x2C, 0x21
_CONTROL, _APPLICATION = 0xF9, 0xFF
# How often an animation is played.
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_LONGEST_BLOCK = 255


def gif_blanks(size_bytes: int) -> Search:
    """Return what to blank."""
    data = yield from whole(size_bytes)
    blanks: list[Blank] = []
    place = _HEAD_BYTES + _colours_bytes(data[10:11])
    while place + 2 <= len(data) and len(blanks) < MOST_BLANKS:
        if data[place] == _PICTURE:
            table = place + _DESCRIPTOR_BYTES
            place = _blocks_end(data, table + _colours_bytes(data[table - 1 : table]) + 1)
        elif data[place] == _EXTENSION:
            end = _blocks_end(data, place + 2)
            _blank_extension(blanks, data, place, end)
            place = end
        else:  # the end, or what no decoder knows
            place += 1
            break
    return with_rest(blanks, place, len(data))


def _colours_bytes(flags: bytes) -> int:
    """Return the size of the table of colours that a byte of flags announces."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _blocks_end(data: bytes, place: int) -> int:
    """Return the end of a chain of blocks, behind the empty one that ends it."""
    while place < len(data) and data[place]:
        place += 1 + data[place]
    return min(place + 1, len(data))


def _blank_extension(blanks: list[Blank], data: bytes, place: int, end: int) -> None:
    first = place + 2
    if data[place + 1] == _CONTROL:
        return
    if data[place + 1] == _APPLICATION:
        name_end = min(first + 1 + data[first], end) if first < end else end
        if data[first + 1 : name_end].startswith(_LOOPS):
            return
        first = name_end
    # The last byte is the empty block, unless the file is cut short before it.
    last = end - 1 if data[end - 1] == 0 else end
    if last > first:
        # New blocks in place of those: the lengths of some programs' blocks are text, too.
        blanks.append(Blank(first, last - first, _blocks(last - first)))


def _blocks(size_bytes: int) -> bytes:
    """Return a chain of blocks of zeros of a size in all, without the one that ends it."""
    chain = bytearray(size_bytes)
    place = 0
    while place < size_bytes:
        left = size_bytes - place - 1
        # No single byte may be left, for which there is no block but the one that ends a chain.
        length = min(left, _LONGEST_BLOCK - (left == _LONGEST_BLOCK + 1))
        chain[place] = length
        place += 1 + length
    return bytes(chain)
