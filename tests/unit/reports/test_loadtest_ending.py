"""The exit code of a load test, and the message that goes with it."""

from dataclasses import replace

import pytest

from cli.exits import ExitCode
from cli.loadtest import ending
from sim.results.loadtest import LoadtestDocument
from tests.unit.reports.sample_loadtest import measured

MET = measured()
MISSED = replace(MET, objectives=(replace(MET.objectives[0], met=False),))
UNKNOWN = replace(MET, objectives=(replace(MET.objectives[0], value=None, met=None),))
INVALID = replace(MISSED, valid=False, invalid_because=("a generator was late",))
LOST = replace(INVALID, target_lost_s=12.3)
INTERRUPTED = replace(LOST, run=replace(MET.run, interrupted=True))


@pytest.mark.parametrize(
    ("document", "check", "code", "told"),
    [
        (MET, True, ExitCode.DONE, ""),
        (UNKNOWN, True, ExitCode.DONE, ""),
        (MISSED, False, ExitCode.DONE, ""),
        (MISSED, True, ExitCode.OBJECTIVE_MISSED, "missed: read_feed p99"),
        (INVALID, True, ExitCode.INVALID_RUN, "not valid: a generator was late"),
        (LOST, True, ExitCode.TARGET_UNREACHABLE, "stopped answering 12 s after the start"),
        (INTERRUPTED, True, ExitCode.INTERRUPTED, "interrupted"),
    ],
)
def test_the_worst_that_happened_decides(
    document: LoadtestDocument, *, check: bool, code: ExitCode, told: str
) -> None:
    found, message = ending(document, check=check)

    assert found is code
    assert told in message
