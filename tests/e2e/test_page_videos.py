"""Videos on the page: their place, their still, and what they are read from while they play."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import pytest

from tests.e2e.serving import Serving, serving
from tests.e2e.uploads import post_media, uploaded
from tests.e2e.windows import PASSWORD, Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

# For renditions, on a machine that is busy.
READY_MS = 60_000
# Longer than a video may wait for what comes next before that is told.
LATE_MS = 16_000
PLAY = "(video) => { video.muted = true; video.loop = true; return video.play(); }"
SOURCE = "(video) => video.currentSrc"


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with nobody on it."""
    with serving(program, tmp_path_factory.mktemp("page") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of an upright video."""
    file = tmp_path_factory.mktemp("files") / "portrait.mp4"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=360x640:rate=12:duration=4"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"),
        *("-movflags", "+faststart", str(file)),
    ]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return file


@pytest.fixture(scope="module")
def grain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of noise, which a browser does not read to its end at once."""
    file = tmp_path_factory.mktemp("files") / "grain.webm"
    noise = "testsrc2=size=320x180:rate=6:duration=30,noise=alls=60:allf=t"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-loglevel", "error", "-f", "lavfi", "-i", noise, "-c:v", "libvpx"),
        *("-deadline", "realtime", "-cpu-used", "8", "-g", "24"),
        *("-b:v", "3M", "-minrate", "3M", "-maxrate", "3M", str(file)),
    ]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return file


def keep_processor_busy(server: Serving, file: Path, name: str, *, videos: int = 2) -> None:
    """Let videos of somebody else be rendered first."""
    person = server.sign_up(name, PASSWORD)
    for _ in range(videos):
        url = uploaded(server, person, file.read_bytes(), content_type="video/mp4")
        assert post_media(server, person, url).status == 201


def film(person: Window, file: Path, text: str) -> None:
    """Post a video."""
    person.page.locator(".composer input[type=file]").set_input_files(file)
    expect(person.page.get_by_text("Ready to be posted.")).to_be_visible()
    person.write(text)


def media_of(server: Serving, person: Window, post: "Locator") -> dict[str, Any]:
    """Return what the API tells of a post's media."""
    post_id = post.get_attribute("data-post-id")
    reply = server.send("GET", f"/v1/posts/{post_id}", token=person.session["token"])
    return dict(reply.json["media"])


def wait_until_ready(server: Serving, person: Window, post: "Locator") -> dict[str, Any]:
    """Wait for the renditions; returns what the API then tells of the media."""
    media = media_of(server, person, post)
    for _ in range(READY_MS // 250):
        if media["state"] == "ready":
            break
        person.page.wait_for_timeout(250)
        media = media_of(server, person, post)
    assert media["state"] == "ready"
    return media


def shape(place: "Locator") -> float:
    """Return how wide something is by how high."""
    box = place.bounding_box()
    assert box
    return float(box["width"] / box["height"])


def test_a_video_has_its_shape_before_anybody_knows_its_size(
    two: tuple[Window, Window], server: Serving, portrait: Path
) -> None:
    ada, bo = two
    keep_processor_busy(server, portrait, "Before the upright")
    film(ada, portrait, "Upright")
    post = bo.post_with("Upright")
    place = post.locator(".media")
    expect(place).to_be_visible()

    assert media_of(server, bo, post)["state"] == "stored"
    assert shape(place) == pytest.approx(360 / 640, rel=0.01)
    bo.page.wait_for_timeout(1_000)
    before = place.bounding_box()
    wait_until_ready(server, bo, post)
    # It is not watched, so it gets its still and its playlist.
    expect(post.locator("video[poster]")).to_be_visible(timeout=READY_MS)
    assert place.bounding_box() == before
    bo.page.reload()
    expect(place).to_be_visible()
    bo.page.wait_for_timeout(1_000)
    assert place.bounding_box() == before


def test_a_video_that_plays_goes_on_with_what_it_began_with(
    two: tuple[Window, Window], server: Serving, portrait: Path
) -> None:
    ada, bo = two
    keep_processor_busy(server, portrait, "Before the round")
    film(ada, portrait, "Round and round")
    post = bo.post_with("Round and round")
    video = post.locator("video")
    expect(video).to_be_visible()
    assert media_of(server, bo, post)["state"] == "stored"
    video.evaluate(PLAY)
    first = video.evaluate(SOURCE)

    media = wait_until_ready(server, bo, post)
    bo.page.wait_for_timeout(1_500)
    assert video.evaluate(SOURCE) == first
    assert not video.evaluate("(video) => video.paused")
    seek = "(video) => { video.currentTime = 3; return video.currentTime; }"
    video.evaluate(seek)
    bo.page.wait_for_function("() => document.querySelector('video').currentTime > 3.2")

    # Left halfway, it stays; once it has ended, it is what it is now.
    video.evaluate("(video) => { video.pause(); video.loop = false; }")
    bo.page.wait_for_timeout(1_500)
    assert video.evaluate(SOURCE) == first
    video.evaluate("(video) => video.play()")
    expect(post.locator("video[poster]")).to_be_visible(timeout=READY_MS)
    assert video.get_attribute("poster") == media["poster"]


def test_a_video_that_plays_is_read_from_one_file_while_its_renditions_get_ready(
    two: tuple[Window, Window], server: Serving, grain: Path
) -> None:
    ada, bo = two
    slow = bo.page.context.new_cdp_session(bo.page)
    slow.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "uploadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", {**conditions, "downloadThroughput": 500_000})
    film(ada, grain, "Grain")
    post = bo.post_with("Grain")
    video = post.locator("video")
    expect(video).to_be_visible()
    assert media_of(server, bo, post)["state"] == "stored"
    sizes = []
    bo.page.on("response", lambda told: sizes.append(told.headers.get("content-range")))
    video.evaluate(PLAY)
    wait_until_ready(server, bo, post)

    video.evaluate("(video) => { video.currentTime = 27; }")
    bo.page.wait_for_function("() => document.querySelector('video').currentTime > 27.5")

    assert {told.partition("/")[2] for told in sizes if told} == {str(grain.stat().st_size)}


def test_a_video_that_does_not_load_is_told_and_can_be_tried_again(
    two: tuple[Window, Window], server: Serving, portrait: Path
) -> None:
    ada, bo = two
    film(ada, portrait, "At the second try")
    post = bo.post_with("At the second try")
    expect(post).to_be_visible()
    wait_until_ready(server, bo, post)
    expect(post.locator("video[poster]")).to_be_visible(timeout=READY_MS)
    bo.page.wait_for_timeout(1_000)
    before = post.bounding_box()
    bo.page.route("**/media/**", lambda route: route.abort())
    post.locator("video").evaluate("(video) => { video.play().catch(() => {}); }")

    expect(post.get_by_text("This video does not play here.")).to_be_visible()
    assert post.bounding_box() == before
    bo.page.unroute_all()
    post.get_by_role("button", name="Try again").click()

    post.locator("video").evaluate(PLAY)
    bo.page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert post.bounding_box() == before


def test_a_video_that_waits_for_long_is_told_and_can_be_tried_again(
    two: tuple[Window, Window], server: Serving, portrait: Path
) -> None:
    ada, bo = two
    film(ada, portrait, "Slow")
    post = bo.post_with("Slow")
    expect(post).to_be_visible()
    wait_until_ready(server, bo, post)
    expect(post.locator("video[poster]")).to_be_visible(timeout=READY_MS)
    bo.page.clock.install()
    held: list[Route] = []
    bo.take_next("**/media/**", held.append)
    post.locator("video").evaluate("(video) => { video.play().catch(() => {}); }")
    bo.page.wait_for_timeout(1_000)
    expect(post.locator(".media-delay")).to_have_count(0)

    bo.page.clock.fast_forward(LATE_MS)
    expect(post.get_by_text("This video does not go on.")).to_be_visible()
    post.get_by_role("button", name="Try again").click()

    post.locator("video").evaluate(PLAY)
    bo.page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    expect(post.locator(".media-delay")).to_have_count(0)


def test_a_video_without_a_picture_is_told_as_such(
    two: tuple[Window, Window], tmp_path: Path
) -> None:
    ada, bo = two
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-loglevel", "error", "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac"),
        str(tmp_path / "sound.mp4"),
    ]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)

    film(ada, tmp_path / "sound.mp4", "A hum")

    post = bo.post_with("A hum")
    expect(post.get_by_text("This video does not play here.")).to_be_visible()
    bo.page.wait_for_timeout(3_000)
    bo.page.reload()
    expect(post.get_by_text("it has no video that can be read.")).to_be_visible()
