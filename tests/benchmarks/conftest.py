"""Options of benchmarks that need files which are not part of the project."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("real files")
    group.addoption("--photos", help="folder of JPEG photos, for the sizes of renditions")
    group.addoption("--clips", help="folder of MP4 clips, for the sizes of renditions")
