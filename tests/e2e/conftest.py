"""The installed program, run as its users run it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.page_files import picture
from tests.e2e.program import RunProgram
from tests.e2e.serving import Serving
from tests.e2e.windows import Window, chromium, window

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def program() -> Path:
    """The `socialfeed` command of the environment that runs the tests."""
    return Path(sys.executable).with_name("socialfeed")


@pytest.fixture
def run_socialfeed(program: Path, tmp_path: Path) -> RunProgram:
    """Run `socialfeed` with these arguments in an empty folder, and return what it printed."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landscape of some 700 kB, as a phone has it."""
    return picture(tmp_path_factory.mktemp("files") / "photo.jpg", width=1600, height=1000)


@pytest.fixture
def open_window(browser: "Browser", server: Serving) -> Iterator[Callable[..., Window]]:
    """Open windows on the module's `server`; at the end, nothing must have gone wrong in them."""
    opened: list[Window] = []

    def open_one(**options: object) -> Window:
        opened.append(window(browser, f"http://127.0.0.1:{server.port}/", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for each in opened:
        each.expect_calm()
        each.page.context.close()


@pytest.fixture
def two(
    open_window: Callable[..., Window], server: Serving, request: pytest.FixtureRequest
) -> tuple[Window, Window]:
    """Two windows: Bo follows Ada, and both are at home."""
    ada, bo = (server.sign_up(f"{who} of {request.node.name[-50:]}") for who in ("Ada", "Bo"))
    of_ada = open_window(person=ada)
    server.follow(bo, ada)
    return of_ada, open_window(person=bo)
