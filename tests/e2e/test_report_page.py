"""The report's page in a real browser, without a network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from reports.folder import write_report
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile, unknown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

# What counts as a clash: text against the colour behind it, WCAG 2.1 level AA.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba("white");
  };
  const clashes = new Set();
  const texts = "main p, main h2, main h3, h1, header p, th, td, dt, dd, summary, nav a, .status";
  for (const element of document.querySelectorAll(texts)) {
    if (!element.checkVisibility()) continue;
    const pair = [rgba(getComputedStyle(element).color), behind(element)].map(luminance);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) clashes.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...clashes];
}"""


@dataclass
class Visit:
    """A page that was opened, and what happened while it was."""

    page: "Page"
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def visit(
    browser: "Browser",
    file: Path,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
) -> Visit:
    """Open the page in a profile of its own, with the network cut, and wait for its charts."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        offline=True,
        java_script_enabled=script,
    )
    seen = Visit(context.new_page())
    seen.page.on("console", lambda message: seen.messages.append(message.text))
    seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(file.as_uri())
    if script:
        seen.page.wait_for_selector("html[data-drawn]", timeout=60_000)
    return seen


def written(document: SimulationDocument, folder: Path) -> Path:
    """Return the page of this document."""
    write_report(document, folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample document."""
    return written(simulation(), tmp_path_factory.mktemp("page") / "report")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_whole_at_every_width_in_every_scheme(
    browser: "Browser", report: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    seen = visit(browser, report, width=width, scheme=scheme)

    assert seen.messages == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [report.as_uri()]
    assert seen.page.evaluate("() => document.documentElement.scrollWidth") == width
    assert seen.page.locator(".live svg").count() == 9
    assert seen.page.evaluate(
        "() => [...document.querySelectorAll('.live svg')].every("
        "(svg) => svg.getBoundingClientRect().width <= svg.closest('figure').clientWidth)"
    )
    assert seen.page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("make", [empty, unknown, hostile])
def test_odd_documents_show_without_error_or_overflow(
    browser: "Browser", tmp_path: Path, make: Callable[[], SimulationDocument]
) -> None:
    seen = visit(browser, written(make(), tmp_path / "report"), width=400)

    assert seen.messages == []
    assert seen.page.evaluate("() => document.documentElement.scrollWidth") == 400


def test_charts_follow_the_readers_scheme(browser: "Browser", report: Path) -> None:
    seen = visit(browser, report, scheme="light")

    seen.page.emulate_media(color_scheme="dark")

    seen.page.wait_for_selector("html[data-drawn=dark]")
    assert seen.messages == []


def test_without_javascript_there_are_pictures_and_data(browser: "Browser", report: Path) -> None:
    seen = visit(browser, report, script=False)

    assert seen.page.locator("img.still:visible").count() == 9
    assert seen.page.locator(".live:visible").count() == 0
    assert seen.page.locator("details.data").count() == 9


def test_paper_gets_pictures_and_everything_unfolded(browser: "Browser", report: Path) -> None:
    seen = visit(browser, report, scheme="dark")
    seen.page.emulate_media(media="print")

    seen.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")

    assert seen.page.locator("img.still:visible").count() == 9
    assert seen.page.locator("details.fold:not([open])").count() == 0
    background = seen.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"


def test_the_filter_finds_an_assumption(browser: "Browser", report: Path) -> None:
    seen = visit(browser, report)

    seen.page.fill("#assumptions-filter", "cdn HIT")

    assert seen.page.locator("#assumptions tbody tr:visible").all_inner_texts() != []
    assert seen.page.locator("#assumptions .hits").inner_text() == "1 found"
