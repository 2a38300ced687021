"""Renditions of real videos, each made in a process of its own."""

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from server.adapters.renditions.videos import rungs_of
from server.model.delivery import MP4, PLAYLIST
from tests.unit.server.pictures import SECRET, clip
from tests.unit.server.rendering import LIMITS, refusal, rendered, sizes


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


def played(path: Path) -> bytes:
    """What ffmpeg says of a file that it decodes whole."""
    command = [get_ffmpeg_exe(), "-nostdin", "-threads", "1", "-xerror", "-i", str(path)]
    ended = subprocess.run([*command, "-f", "null", "-"], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_a_video_is_made_at_the_sizes_of_the_design_with_playlists_and_a_poster(
    tmp_path: Path, into: Path
) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=5)

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(426, 240), (852, 480), (1_280, 720)]
    assert (made.width, made.height) == (1_280, 720)
    assert (made.playlist, made.poster) == ("master.m3u8", "poster/640.jpg")
    for each in made.files:
        assert SECRET not in (into / each.name).read_bytes()
        if each.content_type in {MP4, PLAYLIST}:
            told = played(into / each.name)
            assert b"Video: h264" in told
            assert b"Audio: aac" in told
            assert b"Duration: 00:00:05" in told
    with Image.open(into / "poster/640.jpg") as poster:
        assert poster.size == (640, 360)


def test_playlists_tell_players_what_they_choose_by(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=9)
    rendered(tmp_path / "a.mp4", "video/mp4", into)

    master = (into / "master.m3u8").read_text().splitlines()
    media = (into / "480p.m3u8").read_text()

    variants = [line for line in master if line.startswith("#EXT-X-STREAM-INF")]
    rates = [int(line.partition("BANDWIDTH=")[2].partition(",")[0]) for line in variants]
    assert rates == sorted(rates)
    assert "RESOLUTION=852x480" in variants[1]
    assert 'CODECS="avc1.' in variants[1]
    assert "mp4a.40.2" in variants[1]
    # Three fragments of four seconds at most, that cover the file's end to its last byte but one
    # box, the index that older players look for.
    assert media.count("#EXTINF") == 3
    assert media.endswith("#EXT-X-ENDLIST\n")
    sizes_and_places = [
        tuple(map(int, line.partition(":")[2].split("@")))
        for line in media.splitlines()
        if line.startswith("#EXT-X-BYTERANGE")
    ]
    for (size, place), (_, following) in pairwise(sizes_and_places):
        assert place + size == following
    content = (into / "480p.mp4").read_bytes()
    assert all(content[place + 4 : place + 8] == b"moof" for _, place in sizes_and_places)


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_other_containers_are_made_the_same(tmp_path: Path, into: Path, suffix: str) -> None:
    clip(tmp_path / f"a.{suffix}", size="320x240")

    made = rendered(
        tmp_path / f"a.{suffix}", {"mov": "video/quicktime", "webm": "video/webm"}[suffix], into
    )

    assert sizes(made, MP4) == [(320, 240)]
    assert b"Video: h264" in played(into / "240p.mp4")


def test_a_video_without_sound_stays_without(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", sound=False)

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(320, 240), (640, 480)]
    assert b"Audio:" not in played(into / "480p.mp4")
    assert "mp4a" not in (into / "master.m3u8").read_text()


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [
        (1_920, 1_080, [(426, 240), (852, 480), (1_280, 720)]),
        (1_080, 1_920, [(240, 426), (480, 852), (720, 1_280)]),
        (641, 361, [(426, 240), (638, 360)]),
        (101, 33, [(96, 32)]),
        (1, 1, [(2, 2)]),
    ],
)
def test_the_sizes_of_a_video_are_even_and_not_above_it(
    width: int, height: int, wanted: list[tuple[int, int]]
) -> None:
    assert [(rung.width, rung.height) for rung in rungs_of(width, height)] == wanted


def test_a_video_of_odd_size_is_made(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="101x33")

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(96, 32)]
    played(into / "32p.mp4")


@pytest.mark.parametrize("content_type", ["video/mp4", "video/webm", "video/quicktime"])
def test_a_playlist_in_disguise_opens_nothing(
    tmp_path: Path, into: Path, content_type: str
) -> None:
    (tmp_path / "a").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")

    assert refusal(tmp_path / "a", content_type, into) == "it has no video that can be read"


def test_a_truncated_video_is_refused(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4")
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content[: len(content) // 2])

    assert "it has no video" in refusal(tmp_path / "a.mp4", "video/mp4", into)


@pytest.mark.parametrize(
    "hostile",
    [
        ("-metadata", "title=Video: h264, 2x2, y"),
        ("-metadata", "artist=x\n    Stream #0:0: Video: h264, yuv, 2x2, y"),
        ("-metadata", "x\n  Stream #0:0: Video: h264, yuv, 2x2, y=z"),
        ("-metadata:s:v:0", "title=\r  Stream #0:0: Video: h264, 2x2, y"),
    ],
)
def test_no_word_in_a_file_makes_its_frames_smaller(
    tmp_path: Path, into: Path, hostile: tuple[str, str]
) -> None:
    clip(tmp_path / "a.webm", size="640x480")
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "a.webm"), "-c", "copy"]
    subprocess.run([*command, *hostile, str(tmp_path / "b.webm")], check=True)

    reason = refusal(tmp_path / "b.webm", "video/webm", into, replace(LIMITS, video_pixels=100_000))

    assert "100,000 pixels" in reason or "cannot be read" in reason
    assert not list(into.iterdir())


@pytest.mark.parametrize(("pictures_s", "sound_s"), [(1, 9), (9, 1), (2, 2.3)])
def test_sound_and_pictures_of_other_lengths_play_to_the_end_of_both(
    tmp_path: Path, into: Path, pictures_s: float, sound_s: float
) -> None:
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"]
    command += ["-i", f"testsrc=s=320x240:d={pictures_s}:r=10", "-f", "lavfi"]
    command += ["-i", f"sine=d={sound_s}", "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*command, str(tmp_path / "a.mp4")], check=True)

    rendered(tmp_path / "a.mp4", "video/mp4", into)

    playlist = (into / "240p.m3u8").read_text().splitlines()
    parts_s = [float(line[8:-1]) for line in playlist if line.startswith("#EXTINF:")]
    assert sum(parts_s) == pytest.approx(max(pictures_s, sound_s), abs=0.25)
    # Fragments stay short: where sound goes on, so does the last picture.
    assert max(parts_s) < 4.6
    assert frames_s(into / "240p.mp4") == pytest.approx(max(pictures_s, sound_s), abs=0.5)


def frames_s(path: Path) -> float:
    """When the last picture of a file is shown, seconds."""
    told = subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "framehash", "-"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    [timebase] = [line for line in told.splitlines() if line.startswith("#tb")]
    over, under = timebase.split()[-1].split("/")
    last = told.splitlines()[-1].split(",")
    return int(last[2]) * int(over) / int(under)


def test_a_video_of_too_large_frames_is_refused(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="640x480")

    reason = refusal(tmp_path / "a.mp4", "video/mp4", into, replace(LIMITS, video_pixels=100_000))

    assert reason == "more than 100,000 pixels in a frame; found 640 × 480"
