"""What is written on the page: nothing typed is lost, and nothing is sent twice or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.e2e.serving import Serving, serving
from tests.e2e.uploads import Upload
from tests.e2e.windows import Window

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

DENY_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() { throw new DOMException("Access is denied", "SecurityError"); },
  });
}
"""
# Longer than the page waits for an upload of which nothing moves.
QUIET_MS = 31_000


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with nobody on it."""
    with serving(program, tmp_path_factory.mktemp("page") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture."""
    file = tmp_path_factory.mktemp("files") / "drawing.png"
    Image.new("RGB", (320, 200), "teal").save(file)
    return file


def hold(person: Window, url: str) -> "list[Route]":
    """Let the next request to a URL wait; it is in the list once it is sent."""
    held: list[Route] = []
    person.take_next(url, held.append)
    return held


def sent(person: Window, held: "list[Route]") -> "Route":
    """Return the request that was held, once it is there."""
    for _ in range(200):
        if held:
            return held[0]
        person.page.wait_for_timeout(50)
    pytest.fail("nothing was sent")


def thread(person: Window, text: str) -> "Locator":
    """Open the comments of the post with that text; returns the post."""
    post = person.post_with(text)
    post.locator("[data-do=comments]").click()
    expect(post.get_by_label("Write a comment")).to_be_focused()
    return post


def is_put(url: str) -> bool:
    """Whether it is a URL that files are put at."""
    return "/storage/" in url


def field(person: Window) -> "Locator":
    """Return where a post is written."""
    return person.page.locator("#composer-text")


def test_what_is_typed_while_a_post_is_being_sent_stays(two: tuple[Window, Window]) -> None:
    ada, bo = two
    held = hold(ada, "**/v1/posts")
    ada.write("The first thought")
    waiting = sent(ada, held)
    field(ada).press("Control+End")
    ada.page.keyboard.type(" and the next")

    waiting.continue_()

    expect(ada.page.locator(".post-text")).to_have_text("The first thought")
    expect(field(ada)).to_have_value("and the next")
    ada.page.reload()
    expect(field(ada)).to_have_value("and the next")
    ada.page.get_by_role("button", name="Post", exact=True).click()
    expect(bo.page.locator(".post-text")).to_have_text(["and the next", "The first thought"])
    expect(field(ada)).to_have_value("")


def test_what_is_typed_anew_while_a_post_is_being_sent_stays(two: tuple[Window, Window]) -> None:
    ada, _ = two
    held = hold(ada, "**/v1/posts")
    ada.write("The first thought")
    waiting = sent(ada, held)
    field(ada).fill("Something else")

    waiting.continue_()

    expect(ada.page.locator(".post-text")).to_have_text("The first thought")
    expect(field(ada)).to_have_value("Something else")


def test_what_is_typed_while_a_post_cannot_be_sent_stays_with_it(
    two: tuple[Window, Window],
) -> None:
    ada, _ = two
    held = hold(ada, "**/v1/posts")
    ada.write("The first thought")
    waiting = sent(ada, held)
    field(ada).press("Control+End")
    ada.page.keyboard.type(" and the next")

    waiting.abort()

    expect(ada.page.locator(".composer .form-error")).to_contain_text("it was not sent")
    expect(field(ada)).to_have_value("The first thought and the next")


def test_what_is_attached_while_a_post_is_being_sent_stays(
    two: tuple[Window, Window], drawing: Path
) -> None:
    ada, _ = two
    held = hold(ada, "**/v1/posts")
    ada.write("Without a picture")
    waiting = sent(ada, held)
    ada.page.locator(".composer input[type=file]").set_input_files(drawing)
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()

    waiting.continue_()

    expect(ada.post_with("Without a picture")).to_be_visible()
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    ada.write("With one")
    expect(ada.post_with("With one").locator(".media.whole img")).to_be_visible()


def test_what_is_typed_while_a_comment_is_being_sent_stays(two: tuple[Window, Window]) -> None:
    ada, _ = two
    ada.write("Comment on this")
    post = thread(ada, "Comment on this")
    held = hold(ada, "**/v1/comments")
    ada.page.keyboard.type("One thing")
    ada.page.keyboard.press("Control+Enter")
    waiting = sent(ada, held)
    ada.page.keyboard.type(", and another")

    waiting.continue_()

    expect(post.locator(".comment-text")).to_have_text("One thing")
    expect(post.get_by_label("Write a comment")).to_have_value(", and another")


def test_what_is_typed_while_an_edit_is_being_saved_stays(two: tuple[Window, Window]) -> None:
    ada, bo = two
    ada.write("Version 1")
    ada.post_with("Version 1").get_by_role("button", name="Edit this post").click()
    area = ada.page.locator("#edit-dialog textarea")
    area.fill("Version 2")
    held = hold(ada, "**/v1/posts/*")
    ada.page.get_by_role("button", name="Save").click()
    waiting = sent(ada, held)
    area.fill("Version 3")

    waiting.continue_()

    expect(bo.post_with("Version 2")).to_be_visible()
    expect(area).to_have_value("Version 3")
    ada.page.get_by_role("button", name="Save").click()
    expect(bo.post_with("Version 3")).to_be_visible()
    expect(ada.post_with("Version 3")).to_be_visible()


def test_the_same_words_can_be_posted_again(two: tuple[Window, Window]) -> None:
    ada, bo = two
    ada.write("Good morning")
    expect(ada.post_with("Good morning")).to_have_count(1)

    ada.write("Good morning")

    expect(ada.post_with("Good morning")).to_have_count(2)
    expect(bo.post_with("Good morning")).to_have_count(2)


def test_the_same_comment_can_be_written_again(two: tuple[Window, Window]) -> None:
    ada, _ = two
    ada.write("Comment on this")
    post = thread(ada, "Comment on this")
    for count in (1, 2):
        post.get_by_label("Write a comment").fill("Thanks!")
        ada.page.keyboard.press("Control+Enter")

        expect(post.locator(".comment")).to_have_count(count)


def test_an_upload_that_hangs_is_told_and_can_be_tried_again(
    two: tuple[Window, Window], drawing: Path
) -> None:
    ada, bo = two
    ada.page.clock.install()
    held = hold(ada, "**/storage/**")
    ada.page.locator(".composer input[type=file]").set_input_files(drawing)
    ada.write("Patience")
    sent(ada, held)

    ada.page.clock.fast_forward(QUIET_MS)

    expect(ada.page.locator(".attachment-words")).to_contain_text("has moved for a while")
    expect(ada.page.locator(".composer .form-error")).to_contain_text("Your post is kept here")
    expect(field(ada)).to_have_value("Patience")
    ada.page.get_by_role("button", name="Try again").click()
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    ada.page.get_by_role("button", name="Post", exact=True).click()
    expect(bo.post_with("Patience").locator(".media img")).to_be_visible()


def test_an_upload_that_is_there_already_is_taken_as_such(
    two: tuple[Window, Window], drawing: Path
) -> None:
    ada, bo = two
    answers = []

    def put_before(route: "Route") -> None:
        asked = route.request
        first = Upload(asked.url, asked.method, asked.headers, "")
        answers.append(first.put(drawing.read_bytes()).status)
        route.continue_()

    # As when an answer is lost and the browser sends the request again by itself.
    ada.take_next("**/storage/**", put_before)
    ada.page.on("response", lambda told: answers.append(told.status) if is_put(told.url) else None)

    ada.page.locator(".composer input[type=file]").set_input_files(drawing)
    expect(ada.page.locator(".attachment-words")).to_have_text("Ready to be posted.")
    ada.write("Twice")

    expect(bo.post_with("Twice").locator(".media img")).to_be_visible()
    assert answers == [200, 412]


def test_a_file_that_is_removed_before_its_upload_begins_is_not_uploaded(
    two: tuple[Window, Window], drawing: Path
) -> None:
    ada, _ = two
    puts = []
    ada.page.on("request", lambda asked: puts.append(asked.url) if is_put(asked.url) else None)
    held = hold(ada, "**/v1/media/uploads")
    ada.page.locator(".composer input[type=file]").set_input_files(drawing)
    ada.write("On second thought")
    waiting = sent(ada, held)
    ada.page.get_by_role("button", name="Remove").click()

    waiting.continue_()

    expect(ada.page.locator(".composer .form-error")).to_contain_text("The file was removed")
    ada.page.get_by_role("button", name="Post", exact=True).click()
    expect(ada.post_with("On second thought")).to_be_visible()
    assert puts == []
    assert ada.post_with("On second thought").locator(".media").count() == 0


def test_the_page_works_where_nothing_may_be_kept_on_the_device(
    two: tuple[Window, Window],
) -> None:
    ada, bo = two
    bo.page.add_init_script(DENY_STORAGE)
    bo.page.reload()

    bo.page.get_by_role("button", name="Create an account").click()
    bo.page.get_by_label("Name").fill("Keeps nothing")
    bo.page.get_by_label("Password").fill("a password of eight or more")
    bo.page.get_by_label("Stay signed in").check()
    bo.page.get_by_role("button", name="Create an account").click()
    bo.write("Written all the same")

    expect(bo.post_with("Written all the same")).to_be_visible()
    expect(field(bo)).to_have_value("")
    assert ada.page.locator(".post").count() == 0
    bo.page.get_by_role("button", name="Shortcuts").click()
    bo.page.get_by_label("Single keys are shortcuts").uncheck()
    bo.page.get_by_role("button", name="Close").click()
    bo.page.keyboard.press("a")
    expect(bo.page.locator(".home")).to_be_visible()
    bo.page.get_by_role("button", name="Sign out").click()
    expect(bo.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_comment_that_cannot_be_sent_is_kept(two: tuple[Window, Window]) -> None:
    ada, bo = two
    ada.write("Comment on this")
    post = bo.post_with("Comment on this")
    post.locator("[data-do=comments]").click()
    post.get_by_label("Write a comment").fill("A thought")
    bo.fail_next("**/v1/comments")
    bo.page.keyboard.press("Control+Enter")
    expect(post.locator(".comment-form .form-error")).to_contain_text("Your comment is kept here")

    bo.page.reload()
    post.locator("[data-do=comments]").click()

    expect(post.get_by_label("Write a comment")).to_have_value("A thought")
