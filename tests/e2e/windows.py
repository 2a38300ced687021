"""Windows of a real browser on the page, each with a profile of its own and a watch over it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route

    from tests.e2e.serving import Person

CHROMIUM = Path("/usr/bin/chromium")
# Chromium heeds the last list of these only, so that Playwright's own has to be repeated. The last
# two are pages behind the address bar of each window, which take a third of its CPU time.
UNUSED_FEATURES = [
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(UNUSED_FEATURES)}",
]
PASSWORD = "a password of eight or more"  # noqa: S105 - of users of the tests
# How long the tests wait for what has no time of its own to keep, on a machine that is busy.
PATIENCE_MS = 20_000
# Cumulative layout shift, of which web.dev's "good" is 0.1 at most.
MOST_SHIFT = 0.02
# What a browser reports of a request that a test itself makes fail.
REFUSED = re.compile(r"^Failed to load resource: ")

# What nobody answers but who intercepts requests.
PROBED = "**/is-it-intercepted"
PROBE = "() => fetch('/is-it-intercepted').then((answer) => answer.status, () => 0)"
PROBE_ANSWERED = 204

# Runs before the page's own script: notes layout shifts that no key or click has caused, what the
# policy has stopped, and posts that were put in before they were whole.
WATCH = """
window.shifts = 0;
window.shifted = [];
window.unfinished = [];
window.violations = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.shifts += entry.value;
    for (const { node, previousRect: before, currentRect: after } of entry.sources) {
      const name = `${node?.nodeName}.${node?.className ?? ""}`;
      window.shifted.push(`${name} from ${before.x},${before.y} to ${after.x},${after.y}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
new MutationObserver((records) => {
  for (const node of records.flatMap((record) => [...record.addedNodes])) {
    if (!node.matches?.(".post")) continue;
    const image = node.querySelector(".media.image img");
    if (image && !(image.complete && image.naturalWidth > 0)) {
      window.unfinished.push(node.innerText);
    }
  }
}).observe(document, { childList: true, subtree: true });
"""
# Runs before the page's own script, which then finds itself signed in; once, so that one can sign
# out.
SIGN_IN = """
if (location.protocol === "http:" && !sessionStorage.getItem("signed in by the test")) {
  sessionStorage.setItem("signed in by the test", "yes");
  sessionStorage.setItem("socialfeed:session", JSON.stringify(%s));
}
"""


@dataclass
class Window:
    """A window, what it has complained of, and where it has been."""

    page: "Page"
    url: str
    messages: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def sign_up(self, name: str) -> str:
        """Come through the door as somebody new; returns the user's id."""
        self.page.get_by_role("button", name="Create an account").click()
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Create an account").click()
        self.page.wait_for_selector(".composer")
        return self.user_id

    @property
    def user_id(self) -> str:
        """Who is signed in."""
        return str(self.session["userId"])

    @property
    def session(self) -> dict[str, Any]:
        """What the page keeps of the session."""
        text = self.page.evaluate("() => sessionStorage.getItem('socialfeed:session')")
        return dict(json.loads(text))

    def go(self, place: str) -> None:
        """Go to a place of the page, such as `#/people`."""
        self.page.evaluate("(place) => { location.hash = place; }", place)

    def follow(self, user_id: str) -> None:
        """Follow somebody on their page, and come home."""
        self.go(f"#/users/{user_id}")
        self.page.locator(".profile .follow").click()
        self.page.wait_for_selector(".profile .follow[aria-pressed=true]")
        self.go("#/")
        self.page.wait_for_selector(".composer")

    def write(self, text: str) -> None:
        """Post a text."""
        self.page.locator("#composer-text").fill(text)
        self.page.get_by_role("button", name="Post", exact=True).click()

    def post_with(self, text: str) -> "Locator":
        """Return the post with that text."""
        return self.page.locator(".post").filter(has_text=text)

    def take_next(self, url: str, taking: "Callable[[Route], object]") -> None:
        """Have the next request to a URL go to `taking`, and later ones on their way.

        Not by Playwright's `times=1`, which stops intercepting when it calls the handler: the
        request may go on its way before the handler has ended it.
        """
        taken = False

        def take(route: "Route") -> None:
            nonlocal taken
            if taken:
                route.continue_()
            else:
                taken = True
                taking(route)

        self.page.route(url, take)
        self.page.route(PROBED, lambda route: route.fulfill(status=PROBE_ANSWERED))
        # The page itself learns a little later that its requests are intercepted: on a busy
        # machine the next one went on its way.
        while self.page.evaluate(PROBE) != PROBE_ANSWERED:
            pass

    def fail_next(self, url: str) -> None:
        """Let the connection of the next request to a URL break."""
        self.take_next(url, lambda route: route.abort())

    def expect_calm(self) -> None:
        """Check that nothing was wrong, nothing jumped, and nobody else was asked anything."""
        assert self.messages == []
        assert self.hosts == {urlsplit(self.url).netloc}
        assert self.page.evaluate("() => window.violations") == []
        assert self.page.evaluate("() => window.unfinished") == []
        shifted = self.page.evaluate("() => window.shifted")
        assert self.page.evaluate("() => window.shifts") < MOST_SHIFT, shifted

    def note(self, message: "ConsoleMessage") -> None:
        """Remember a complaint, but for those of requests that the test makes fail."""
        if message.type in {"error", "warning"} and not REFUSED.match(message.text):
            self.messages.append(message.text)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start a headless browser; where there is none, there is nothing to test."""
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    if not CHROMIUM.exists():
        pytest.skip("no chromium here")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


def window(
    browser: "Browser",
    url: str,
    *,
    person: "Person | None" = None,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    motion: Literal["no-preference", "reduce"] = "no-preference",
) -> Window:
    """Open the page in a profile of its own, signed in or at the door."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion=motion
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(WATCH)
    if person:
        session = {"userId": person.user_id, "name": person.name, "token": person.token}
        context.add_init_script(SIGN_IN % json.dumps(session))
    opened = Window(context.new_page(), url)
    opened.page.on("console", opened.note)
    opened.page.on("pageerror", lambda error: opened.messages.append(str(error)))
    opened.page.on("request", lambda request: opened.hosts.add(_host(request.url, url)))
    opened.page.goto(url)
    if person:
        opened.page.wait_for_selector(".composer")
    return opened


def _host(requested: str, url: str) -> str:
    """Return whom a request asks; what is in the page itself asks nobody."""
    parts = urlsplit(requested)
    return urlsplit(url).netloc if parts.scheme in {"blob", "data"} else parts.netloc
