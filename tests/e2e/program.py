"""How the end-to-end tests call the program under test."""

import subprocess
from collections.abc import Callable

# Takes the arguments of one run.
RunProgram = Callable[..., subprocess.CompletedProcess[str]]
