"""A file on its way from the page to the server, and what can go wrong with it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.page_files import ARRIVED_MS, attach, send, with_a_post
from tests.e2e.serving import Serving, serving
from tests.e2e.windows import Window, window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

OpenWindow = Callable[..., Window]


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with nobody on it."""
    with serving(program, tmp_path_factory.mktemp("page") / "data") as started:
        yield started


@pytest.fixture
def two(two: tuple[Window, Window]) -> tuple[Window, Window]:
    return with_a_post(two)


def test_an_upload_tells_how_far_it_is_and_can_be_stopped(
    two: tuple[Window, Window], photo: Path
) -> None:
    ada, _ = two
    slow = ada.page.context.new_cdp_session(ada.page)
    slow.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 150_000})
    attach(ada, photo)
    bar = ada.page.get_by_role("progressbar", name="Upload")

    expect(bar).to_be_visible()
    ada.page.wait_for_function("() => document.querySelector('progress').value > 0.05")
    assert 0 < bar.evaluate("(bar) => bar.value") < 1
    ada.page.locator("#composer-text").fill("Changed my mind about the picture")
    ada.page.get_by_role("button", name="Remove").click()
    slow.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1})

    expect(bar).to_be_hidden()
    ada.page.get_by_role("button", name="Post", exact=True).click()
    expect(ada.post_with("Changed my mind")).to_be_visible()
    assert ada.post_with("Changed my mind").locator(".media").count() == 0


def test_a_failed_upload_is_told_and_can_be_tried_again(
    two: tuple[Window, Window], photo: Path
) -> None:
    ada, bo = two
    ada.fail_next("**/storage/**")
    attach(ada, photo)
    expect(ada.page.locator(".attachment-words")).to_contain_text("connection broke")

    ada.fail_next("**/storage/**")
    send(ada, "Second try")
    expect(ada.page.locator(".composer .form-error")).to_contain_text("Your post is kept here")
    expect(ada.page.locator("#composer-text")).to_have_value("Second try")
    ada.page.get_by_role("button", name="Try again").click()
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    expect(ada.page.locator(".composer .form-error")).to_be_hidden()
    ada.page.get_by_role("button", name="Post", exact=True).click()

    expect(bo.post_with("Second try").locator(".media img")).to_be_visible()
    expect(ada.page.locator(".attachment")).to_be_hidden()


def test_post_sends_a_file_again_whose_upload_has_failed(
    two: tuple[Window, Window], photo: Path
) -> None:
    ada, bo = two
    attach(ada, photo)
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    ada.page.get_by_role("button", name="Remove").click()
    ada.page.context.set_offline(True)
    attach(ada, photo)
    send(ada, "Once I am back")
    expect(ada.page.locator(".composer .form-error")).to_contain_text("The file was not uploaded")

    ada.page.context.set_offline(False)
    ada.page.get_by_role("button", name="Post", exact=True).click()

    expect(bo.post_with("Once I am back").locator(".media img")).to_be_visible()
    expect(ada.page.locator(".composer .form-error")).to_be_hidden()


def test_leaving_with_a_file_attached_is_asked_about(
    two: tuple[Window, Window], photo: Path
) -> None:
    ada, _ = two
    asked = []

    def stay(dialog: "Dialog") -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    ada.page.on("dialog", stay)
    # Browsers ask only for those who have done something on the page.
    ada.page.locator("#composer-text").click()
    attach(ada, photo)
    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    ada.page.evaluate("() => void setTimeout(() => location.reload())")
    ada.page.wait_for_timeout(ARRIVED_MS)

    expect(ada.page.get_by_text("Ready to be posted.")).to_be_visible()
    assert asked == ["beforeunload"]
    ada.page.get_by_role("button", name="Remove").click()
    ada.page.reload()
    assert asked == ["beforeunload"]


def test_a_file_that_is_something_else_is_refused_and_the_text_stays(
    two: tuple[Window, Window], tmp_path: Path
) -> None:
    ada, _ = two
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "lie.png").write_text("no picture either")

    ada.page.locator("#composer-text").fill("Look")
    attach(ada, tmp_path / "notes.txt")
    expect(ada.page.locator(".composer .form-error")).to_contain_text("only pictures")
    attach(ada, tmp_path / "lie.png")

    expect(ada.page.locator(".attachment-words")).to_contain_text("not what it says it is")
    expect(ada.page.locator("#composer-text")).to_have_value("Look")


def test_a_file_that_is_too_large_or_empty_is_told_in_peoples_words(
    two: tuple[Window, Window], tmp_path: Path
) -> None:
    ada, _ = two
    (tmp_path / "nothing.jpg").touch()
    with (tmp_path / "large.jpg").open("wb") as large:
        large.truncate(20_000_001)
    words = ada.page.locator(".attachment-words")

    attach(ada, tmp_path / "nothing.jpg")
    expect(ada.page.locator(".composer .form-error")).to_contain_text("nothing in this file")
    expect(words).to_be_hidden()
    attach(ada, tmp_path / "large.jpg")
    expect(words).to_have_text("This file is too large. The most is 20 MB.")
    expect(ada.page.get_by_role("button", name="Try again")).to_be_hidden()
    ada.write("Too much")

    expect(ada.page.locator(".composer .form-error")).to_contain_text("The file was not uploaded")


def test_an_upload_that_leads_nowhere_names_the_address(
    browser: "Browser", program: Path, tmp_path: Path, photo: Path
) -> None:
    with serving(program, tmp_path / "data", "--public-url", "http://127.0.0.1:9") as elsewhere:
        ada = window(browser, f"http://127.0.0.1:{elsewhere.port}/")
        ada.sign_up("Ada")

        attach(ada, photo)

        words = ada.page.locator(".attachment-words")
        expect(words).to_contain_text("could not reach http://127.0.0.1:9, where files go")
        expect(words).to_contain_text("--public-url")
        ada.page.context.close()


def test_a_picture_is_pasted_into_a_post(two: tuple[Window, Window], photo: Path) -> None:
    ada, bo = two
    ada.page.evaluate(
        """async (bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", { type: "image/jpeg" }));
          const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
          document.getElementById("composer-text").dispatchEvent(paste);
        }""",
        list(photo.read_bytes()),
    )

    send(ada, "Pasted")

    expect(bo.post_with("Pasted").locator(".media img")).to_be_visible()


def test_the_page_by_another_name_of_this_machine_leads_to_where_uploads_go(
    open_window: OpenWindow, server: Serving
) -> None:
    visitor = open_window()
    visitor.page.goto(f"http://localhost:{server.port}/#/people")

    assert visitor.page.url == f"http://127.0.0.1:{server.port}/#/people"
    visitor.hosts.discard(f"localhost:{server.port}")
