"""Scenario files for tests, and what loading one of them says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.errors import ScenarioError
from scenarios.loader import load

WriteScenario = Callable[..., str]
"""Takes the text of a scenario file, and a name for it; returns its path."""


def problem_with(name: str, *overrides: str) -> str:
    """Return the message with which that scenario is refused."""
    with pytest.raises(ScenarioError) as refused:
        load(name, overrides=overrides)
    return str(refused.value)


def write_scenario(folder: Path, text: str, name: str = "mine.toml") -> str:
    """Write a scenario file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)
