"""Which rendition a client gets, and what the answer varies with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidFieldError
from server.model.delivery import (
    HINTS,
    JPEG,
    MP4,
    NETWORK_HEADERS,
    PLAYLIST,
    WEBP,
    WIDTHS,
    Choice,
    choice,
    client_of,
)
from server.model.media import MediaKind, Rendition

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def photo(width: int = 3_000) -> list[Rendition]:
    return [
        Rendition(f"r/a/{each}.{kind}", f"image/{kind}", each, each * 2 // 3, each * 100)
        for each in (*(narrow for narrow in WIDTHS if narrow < width), width)
        for kind in ("webp", "jpeg")
    ]


VIDEO = [
    *(
        Rendition(f"r/a/{short}p.mp4", MP4, short * 16 // 9, short, short * 1_000)
        for short in (240, 480, 720)
    ),
    Rendition("r/a/master.m3u8", PLAYLIST, 0, 0, 300),
    *(Rendition(f"r/a/poster/{each.width}", each.content_type, 9, 9, 9) for each in photo()),
]
ALL = {MediaKind.IMAGE: photo(), MediaKind.VIDEO: VIDEO}

clients = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from([BROWSER, "*/*", "image/webp", "image/jpeg", "text/html", ""]),
        "Save-Data": st.sampled_from(["on", "off", "?1", ""]),
        "ECT": st.sampled_from(["slow-2g", "2g", "3g", "4g", "5g", "2G"]),
        "Downlink": st.sampled_from(["0", "0.05", "0.4", "1.5", "10", "-1", "nan", "fast"]),
        "DPR": st.sampled_from(["1", "1.5", "3", "0", "inf", "x"]),
        "Sec-CH-DPR": st.sampled_from(["1", "2.625"]),
        "Viewport-Width": st.sampled_from(["360", "1920", "wide"]),
        "Sec-CH-Viewport-Width": st.sampled_from(["412", "1440"]),
        "Width": st.sampled_from(["100", "700", "5000"]),
        "Sec-CH-Width": st.sampled_from(["640", "641"]),
    },
)
widths = st.none() | st.integers(1, 16_384).map(str)
kinds = st.sampled_from(MediaKind)


def chosen(
    headers: dict[str, str], *, w: str | None = None, kind: MediaKind = MediaKind.IMAGE
) -> Choice:
    return choice(kind, ALL[kind], client_of(headers, asked_width=w))


def width(headers: dict[str, str], *, w: str | None = None) -> int:
    return chosen(headers, w=w).rendition.width


@given(headers=clients, w=widths, kind=kinds)
def test_a_header_that_the_answer_does_not_vary_with_changes_nothing(
    headers: dict[str, str], w: str | None, kind: MediaKind
) -> None:
    found = chosen(headers, w=w, kind=kind)

    relevant = {name: value for name, value in headers.items() if name in found.vary}
    assert chosen(relevant, w=w, kind=kind) == found


@given(headers=clients, w=widths, kind=kinds)
def test_a_slower_client_never_gets_more(
    headers: dict[str, str], w: str | None, kind: MediaKind
) -> None:
    fast = {name: value for name, value in headers.items() if name not in NETWORK_HEADERS}

    for slower in ({"ECT": "3g"}, {"ECT": "2g"}, {"Save-Data": "on"}, {"Downlink": "0.05"}):
        slow = chosen(fast | slower, w=w, kind=kind).rendition
        assert slow.width <= chosen(fast, w=w, kind=kind).rendition.width


@given(headers=clients, w=st.integers(1, 16_000))
def test_a_wider_place_never_gets_less(headers: dict[str, str], w: int) -> None:
    assert width(headers, w=str(w)) <= width(headers, w=str(w + 384))


@given(headers=clients, w=widths)
def test_what_is_sent_is_a_type_that_the_client_takes_or_jpeg(
    headers: dict[str, str], w: str | None
) -> None:
    sent = chosen(headers, w=w).rendition.content_type

    assert sent == (WEBP if "webp" in headers.get("Accept", "") else JPEG)


@given(w=st.integers(1, 16_384))
def test_a_fast_client_gets_the_smallest_that_fills_the_width_it_asks_for(w: int) -> None:
    found = width({"ECT": "4g"}, w=str(w))

    assert found >= min(w, 3_000)
    assert all(other < min(w, 3_000) for other in (*WIDTHS, 3_000) if other < found)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, 1_080),
        ({"ECT": "4g"}, 1_080),
        ({"ECT": "3g"}, 640),
        ({"ECT": "2g"}, 320),
        ({"Save-Data": "on"}, 320),
        ({"Downlink": "0.5"}, 640),
        ({"Downlink": "10"}, 1_080),
        ({"Sec-CH-Viewport-Width": "300", "DPR": "2"}, 640),
        ({"Sec-CH-Viewport-Width": "1440", "DPR": "2"}, 3_000),
        ({"Width": "300", "Sec-CH-Viewport-Width": "1440"}, 320),
    ],
)
def test_width_follows_screen_and_connection(headers: dict[str, str], wanted: int) -> None:
    assert width(headers) == wanted


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [({}, 720), ({"ECT": "4g"}, 720), ({"ECT": "3g"}, 480), ({"Save-Data": "on"}, 240)],
)
def test_a_video_follows_the_connection(headers: dict[str, str], wanted: int) -> None:
    assert chosen(headers, kind=MediaKind.VIDEO).rendition.height == wanted


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (BROWSER, WEBP),
        ("image/webp", WEBP),
        ("image/webp;q=0", JPEG),
        ("image/webp;q=0.5,image/jpeg", JPEG),
        ("image/webp;q=0.9,*/*;q=0.8", WEBP),
        ("*/*", JPEG),
        ("image/*", JPEG),
        ("", JPEG),
        ("image/webp;q=much", JPEG),
    ],
)
def test_webp_goes_to_those_who_name_it(accept: str, wanted: str) -> None:
    assert chosen({"Accept": accept}).rendition.content_type == wanted


def test_an_image_that_was_made_at_one_size_varies_with_its_type_alone() -> None:
    found = choice(MediaKind.IMAGE, photo(200), client_of({}, asked_width=None))

    assert found.vary == ("Accept",)


def test_a_width_in_the_url_makes_hints_of_the_screen_needless() -> None:
    assert chosen({}).vary == ("Accept", *HINTS)
    assert chosen({}, w="640").vary == ("Accept", *NETWORK_HEADERS)
    assert chosen({}, kind=MediaKind.VIDEO).vary == HINTS


@pytest.mark.parametrize("w", ["", "0", "-1", "a", "1.5", "16385", "1e3", "٣", "9" * 5_000])
def test_a_width_that_is_no_number_of_pixels_is_refused(w: str) -> None:
    with pytest.raises(InvalidFieldError, match="w: expected pixels"):
        client_of({}, asked_width=w)
