"""Every contract test runs on every adapter."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.sqlite.stores import open_databases, sqlite_stores
from server.ports.stores import Stores
from tests.fakes.clock import ManualClock

MAX_ENTRIES = 5


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite"])
def stores(
    request: pytest.FixtureRequest, runner: asyncio.Runner, clock: ManualClock, tmp_path: Path
) -> Iterator[Stores]:
    """Empty stores of one adapter."""
    if request.param == "memory":
        yield memory_stores(clock, max_entries=MAX_ENTRIES)
        return
    databases = runner.run(open_databases(tmp_path, clock=clock, telemetry=Metrics()))
    yield sqlite_stores(databases, max_entries=MAX_ENTRIES)
    runner.run(databases.close())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in the loop that its stores live in."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {
        name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters
    }
    runner = pyfuncitem.funcargs["runner"]
    assert isinstance(runner, asyncio.Runner)
    runner.run(pyfuncitem.obj(**arguments))
    return True
