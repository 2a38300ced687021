"""The domains of the formulas' arguments, checked by name."""

import math

from sim.theory.errors import OutOfRangeError, UnstableQueueError


def require_positive(**arguments: float) -> None:
    """Check that each argument is finite and above 0.

    Raises:
        OutOfRangeError: for the first that is not.
    """
    for name, value in arguments.items():
        if not (value > 0 and math.isfinite(value)):
            raise OutOfRangeError(name=name, value=value, expected="a finite number above 0")


def require_non_negative(**arguments: float) -> None:
    """Check that each argument is finite and at least 0.

    Raises:
        OutOfRangeError: for the first that is not.
    """
    for name, value in arguments.items():
        if not (value >= 0 and math.isfinite(value)):
            raise OutOfRangeError(name=name, value=value, expected="a finite number, 0 or more")


def require_probability(**arguments: float) -> None:
    """Check that each argument lies in [0, 1].

    Raises:
        OutOfRangeError: for the first that does not.
    """
    for name, value in arguments.items():
        if not 0 <= value <= 1:
            raise OutOfRangeError(name=name, value=value, expected="a probability from 0 to 1")


def require_quantile(**arguments: float) -> None:
    """Check that each argument lies in [0, 1), where quantiles of unbounded times are finite.

    Raises:
        OutOfRangeError: for the first that does not.
    """
    for name, value in arguments.items():
        if not 0 <= value < 1:
            raise OutOfRangeError(name=name, value=value, expected="0 or more and below 1")


def require_inside_unit(**arguments: float) -> None:
    """Check that each argument lies strictly between 0 and 1.

    Raises:
        OutOfRangeError: for the first that does not.
    """
    for name, value in arguments.items():
        if not 0 < value < 1:
            raise OutOfRangeError(name=name, value=value, expected="between 0 and 1, neither")


def require_count(**arguments: int) -> None:
    """Check that each argument is a whole number of at least 1.

    Raises:
        OutOfRangeError: for the first that is not.
    """
    for name, value in arguments.items():
        if value < 1 or value != int(value):
            raise OutOfRangeError(name=name, value=value, expected="a whole number, 1 or more")


def require_stable(*, offered_load_erlangs: float, workers: int) -> None:
    """Check that the workers can keep up with the offered load.

    Raises:
        UnstableQueueError: if utilisation is 1 or more.
    """
    if offered_load_erlangs >= workers:
        raise UnstableQueueError(utilisation=offered_load_erlangs / workers)
