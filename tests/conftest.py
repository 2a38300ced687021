"""Settings of every test."""

import pytest
from hypothesis import settings

# No deadline for one example: how long it takes depends on what else the machine does. The time
# limit of the whole test still holds.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of single tests."""
    parser.addoption(
        "--kill-rounds", type=int, default=20, help="how often test_server_kills.py kills; 20"
    )
    parser.addoption(
        "--overload-s", type=float, default=30.0, help="how long test_overload.py floods; 30"
    )
    parser.addoption("--soak-s", type=float, default=120.0, help="how long test_soak.py runs; 120")
    parser.addoption(
        "--soak-rate", type=float, help="requests a second of test_soak.py; half of the knee"
    )
