"""What a result was made with: to be told with it, so that it can be made again."""

import platform
from collections.abc import Sequence
from importlib.metadata import version


def told_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of these packages, by name."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
