"""The page by keyboard, for screen readers, on small screens and large, light and dark."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.windows import PASSWORD, Window

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("axe_playwright_python")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

OpenWindow = Callable[..., Window]
Scheme = Literal["light", "dark"]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What is half transparent while it arrives has half its contrast.
SETTLED_MS = 600
# What has no place to be broken at.
LONG = ["w" * 300, f"see https://example.com/{'a' * 300}", "word\u00a0" * 80, f"#{'t' * 100}"]


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on which Ada has posted and Bo, who follows her, has liked and commented."""
    with serving(program, tmp_path_factory.mktemp("page") / "data") as started:
        ada, bo = started.sign_up("Ada", PASSWORD), started.sign_up("Bo", PASSWORD)
        started.follow(bo, ada)
        for number in range(3):
            react(started, bo, started.post(ada, f"Post {number} about #things"))
        yield started


def react(server: Serving, person: Person, post_id: str) -> None:
    """Like a post and comment on it."""
    on = {"userId": person.user_id, "postId": post_id}
    for path, body in (("/v1/likes", on), ("/v1/comments", {**on, "comment": "Quite so"})):
        assert server.send("POST", path, body, token=person.token).status == 201


def violations(seen: Window) -> list[str]:
    """Return what axe-core finds wrong with the page as it is now."""
    seen.page.wait_for_timeout(SETTLED_MS)
    seen.page.evaluate(AXE)
    found = seen.page.evaluate("(tags) => axe.run({ runOnly: tags })", RULES)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def sign_in(guest: Window, name: str) -> None:
    """Come through the door as somebody who is known."""
    guest.page.get_by_label("Name").fill(name)
    guest.page.get_by_label("Password").fill(PASSWORD)
    guest.page.get_by_role("button", name="Sign in").click()
    guest.page.wait_for_selector(".post")


def fits(seen: Window, width: int) -> bool:
    """Whether nothing is wider than the window."""
    return bool(seen.page.evaluate("() => document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900, 1280])
def test_every_view_has_names_contrast_and_order_and_fits(
    open_window: OpenWindow, width: int, scheme: Scheme
) -> None:
    ada = open_window(width=width, scheme=scheme)
    wrong = {"door": violations(ada)}
    sign_in(ada, "Ada")
    ada.page.locator("[data-do=comments]").first.click()
    ada.page.wait_for_selector(".comment")
    ada.page.evaluate("() => document.querySelectorAll('.toast').forEach((each) => each.remove())")
    wrong["home"] = violations(ada)
    assert fits(ada, width)
    for place in ("people", "notifications", f"users/{ada.user_id}", "nothing-like-this"):
        ada.go(f"#/{place}")
        ada.page.wait_for_timeout(300)
        wrong[place] = violations(ada)
        assert fits(ada, width), place
    ada.go("#/")
    ada.page.get_by_role("button", name="Edit this post").first.click()
    wrong["dialog"] = violations(ada)

    assert {view: found for view, found in wrong.items() if found} == {}


def test_an_error_and_a_message_can_be_read_by_everybody(open_window: OpenWindow) -> None:
    for scheme in ("light", "dark"):
        guest = open_window(scheme=scheme)
        guest.page.get_by_role("button", name="Sign in").click()
        expect(guest.page.get_by_role("alert")).to_have_text("Tell your name.")
        sign_in(guest, "Bo")
        guest.page.context.set_offline(True)
        guest.write("Into the void")
        expect(guest.page.get_by_role("alert")).to_contain_text("not sent")
        guest.page.locator("[data-do=like]").first.click()
        expect(guest.page.locator(".toast.error")).to_be_visible()
        assert violations(guest) == []
        guest.page.locator("#composer-text").fill("")
        guest.page.context.set_offline(False)


def test_a_person_without_a_mouse_signs_up_and_posts(open_window: OpenWindow) -> None:
    guest = open_window()
    keys = guest.page.keyboard
    reach(guest, "Create an account")
    keys.press("Enter")
    guest.page.get_by_label("Name").focus()
    keys.type("Keys")
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    guest.page.wait_for_selector(".composer")

    guest.page.locator("body").press("n")
    keys.type("Without a mouse")
    keys.press("Control+Enter")

    expect(guest.post_with("Without a mouse")).to_be_visible()


def test_what_is_typed_right_after_the_key_for_a_new_post_is_in_it(
    open_window: OpenWindow,
) -> None:
    guest = open_window()
    sign_in(guest, "Bo")

    for place in ("Home", "People"):
        guest.page.get_by_role("link", name=place, exact=True).click()
        expect(guest.page.get_by_role("heading", name=place, level=1)).to_be_attached()
        # Before the page has any other turn.
        focused = guest.page.evaluate(
            """() => {
                document.activeElement.blur();
                const key = new KeyboardEvent("keydown", {key: "n", bubbles: true});
                document.body.dispatchEvent(key);
                return document.activeElement.id;
            }"""
        )
        assert focused == "composer-text", place


def test_a_person_without_a_mouse_reads_likes_comments_and_goes_on(
    open_window: OpenWindow,
) -> None:
    bo = open_window()
    sign_in(bo, "Bo")
    keys = bo.page.keyboard

    bo.page.locator("body").press("j")
    expect(bo.post_with("Post 2")).to_be_focused()
    keys.press("j")
    expect(bo.post_with("Post 1")).to_be_focused()
    expect(bo.post_with("Post 1").locator("[aria-pressed=true]")).to_be_visible()
    keys.press("l")
    expect(bo.post_with("Post 1").locator("[data-do=like]")).to_have_attribute(
        "aria-pressed", "false"
    )
    keys.press("c")
    expect(bo.post_with("Post 1").get_by_label("Write a comment")).to_be_focused()
    keys.type("By key")
    keys.press("Control+Enter")
    expect(bo.post_with("Post 1").locator(".comment").last).to_contain_text("By key")
    bo.page.evaluate("() => document.activeElement.blur()")
    keys.press("p")
    expect(bo.page.get_by_role("heading", level=1, name="People")).to_be_focused()
    keys.press("?")
    expect(bo.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keys.press("Escape")
    expect(bo.page.get_by_role("dialog")).to_have_count(0)


def reach(seen: Window, name: str) -> None:
    """Press Tab until something of that name has the focus, which must be seen on the way."""
    for _ in range(30):
        seen.page.keyboard.press("Tab")
        focused = seen.page.evaluate(
            """() => [document.activeElement.innerText,
                      parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"""
        )
        assert focused[1] >= 2, focused
        if focused[0] == name:
            return
    pytest.fail(f"{name} is not reached by Tab")


def test_the_first_tab_leads_past_the_places(open_window: OpenWindow) -> None:
    ada = open_window()
    sign_in(ada, "Ada")

    ada.page.reload()
    ada.page.wait_for_selector(".post")
    ada.page.keyboard.press("Tab")
    expect(ada.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    ada.page.keyboard.press("Enter")

    expect(ada.page.get_by_role("main")).to_be_focused()


def test_single_keys_can_be_turned_off(open_window: OpenWindow) -> None:
    ada = open_window()
    sign_in(ada, "Ada")
    ada.page.locator("body").press("?")
    ada.page.get_by_label("Single keys are shortcuts").uncheck()
    ada.page.keyboard.press("Escape")

    ada.page.locator("body").press("p")
    ada.page.wait_for_timeout(300)

    expect(ada.page.locator(".composer")).to_be_visible()


def test_what_happens_is_said_aloud(open_window: OpenWindow, server: Serving) -> None:
    author = server.sign_up("Speaker", PASSWORD)
    listener = open_window()
    listener.sign_up("Listener")
    listener.follow(author.user_id)
    aloud = listener.page.locator("#announcer")

    server.post(author, "Hear, hear")
    expect(aloud).to_have_text("A new post by Speaker.")
    listener.write("Mine")
    expect(aloud).to_have_text("Your post is there.")
    post_id = listener.post_with("Mine").get_attribute("data-post-id")
    assert post_id
    react(server, author, post_id)

    expect(aloud).to_have_text("Speaker commented on your post")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_word_or_name_makes_nothing_wider_than_the_window(
    open_window: OpenWindow, server: Serving, width: int
) -> None:
    name = f"{width:04}" + "n" * 60
    author = server.sign_up(name, PASSWORD)
    posts = [server.post(author, text) for text in LONG]
    reader = open_window(width=width)
    reader.sign_up(f"Reader at {width}")
    reader.follow(author.user_id)
    expect(reader.page.locator(".post")).to_have_count(len(LONG))

    assert fits(reader, width)
    for text in reader.page.locator(".post-text").all():
        assert text.evaluate("(text) => text.scrollWidth <= text.clientWidth")
    reader.page.locator("[data-do=comments]").first.click()
    reader.page.get_by_label("Write a comment").fill("x" * 200)
    reader.page.keyboard.press("Control+Enter")
    expect(reader.page.locator(".comment")).to_be_visible()
    reader.write("Tell me")
    mine = reader.post_with("Tell me").get_attribute("data-post-id")
    react(server, author, str(mine))
    toast = reader.page.locator(".toast").first
    expect(toast).to_be_visible()
    reader.page.wait_for_timeout(SETTLED_MS)
    box = toast.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width

    for place in (f"users/{author.user_id}", "people", "notifications", f"posts/{posts[0]}"):
        reader.go(f"#/{place}")
        reader.page.wait_for_timeout(300)
        assert fits(reader, width), place


def test_who_comes_in_by_keyboard_is_put_at_the_head_of_the_feed(open_window: OpenWindow) -> None:
    guest = open_window()
    guest.page.get_by_label("Name").fill("Bo")
    guest.page.keyboard.press("Tab")
    guest.page.keyboard.type(PASSWORD)
    guest.page.keyboard.press("Enter")
    expect(guest.page.locator(".composer")).to_be_visible()

    expect(guest.page.get_by_role("heading", name="Home")).to_be_focused()


def test_an_address_that_leads_nowhere_says_so(open_window: OpenWindow) -> None:
    guest = open_window()
    sign_in(guest, "Bo")

    guest.go("#/nonsense/1")

    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Nothing here")
    guest.page.get_by_role("main").get_by_role("link", name="Home").click()
    expect(guest.page.locator(".composer")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_word_that_one_is_offline_covers_nothing_that_is_written_in(
    open_window: OpenWindow, width: int
) -> None:
    guest = open_window(width=width)
    sign_in(guest, "Bo")

    guest.page.context.set_offline(True)

    note = guest.page.locator("#offline")
    expect(note).to_be_visible()
    told, form = note.bounding_box(), guest.page.locator(".composer").bounding_box()
    assert told
    assert form
    above, below = told["y"] + told["height"], form["y"] + form["height"]
    assert above <= form["y"] or told["y"] >= below
