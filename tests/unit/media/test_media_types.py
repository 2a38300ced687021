"""Media is told by its first bytes, and its keys by its owner."""

import pytest

from server.model.media import (
    HEAD_BYTES,
    MEDIA_TYPES,
    Media,
    MediaKind,
    is_key,
    key_in,
    media_path,
    sniffed,
    upload_key,
)

HEADS = {
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    "webp": (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    "gif": (b"GIF89a\x01\x00", "image/gif"),
    "mp4": (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "video/mp4"),
    "quicktime": (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "video/quicktime"),
    "quicktime without brand": (b"\x00\x00\x00\x08wide\x00\x00", "video/quicktime"),
    "webm": (b"\x1aE\xdf\xa3\x01\x00", "video/webm"),
    "wave": (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
    "html": (b"<!doctype html><script>", None),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
    "avif": (b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00", None),
    "program": (b"MZ\x90\x00", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_first_bytes_tell_the_type(name: str) -> None:
    head, expected = HEADS[name]

    assert sniffed(head[:HEAD_BYTES]) == expected


def test_every_type_is_an_image_or_a_video() -> None:
    assert {known.kind for known in MEDIA_TYPES.values()} == set(MediaKind)
    assert all(name.startswith(known.kind) for name, known in MEDIA_TYPES.items())


def test_a_key_has_its_owner_and_its_path_leads_back_to_it() -> None:
    key = upload_key(7, "image/jpeg", name="abc")

    assert key == "u/7/abc.jpg"
    assert media_path(key) == "/media/u/7/abc.jpg"
    assert key_in("/media/u/7/abc.jpg") == key
    assert key_in("https://elsewhere.example/media/u/7/abc.jpg") is None


def test_renditions_have_a_folder_of_their_own() -> None:
    media = Media(1, "u/7/abc.jpg", 7, "image/jpeg", 10)

    assert media.rendition_prefix == "r/abc/"


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        ("u/7/abc.jpg", True),
        (f"r/{'a' * 200}", True),
        (f"r/{'a' * 201}", False),
        ("/".join(["a"] * 256), True),
        ("/".join(["a"] * 257), False),
        ("u/../b", False),
        ("u//b", False),
        ("u/b\n", False),
        ("", False),
    ],
)
def test_a_key_fits_into_names_of_files(key: str, *, is_one: bool) -> None:
    assert is_key(key) is is_one
