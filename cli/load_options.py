"""How the options of a load test are read."""

from enum import Enum

import typer

from sim.loadtest.address import Address


class RunShape(Enum):
    """How the rate runs over the duration."""

    FLAT = "flat"
    DAY = "day"


def duration_s(text: str) -> float:
    """Return a duration of zero or more."""
    from scenarios.errors import QuantityError
    from scenarios.quantities import EXPECTED, Dimension, parse

    try:
        found_s = parse(text, Dimension.DURATION)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error
    if found_s < 0:
        message = f"found {text!r}, expected zero or more: {EXPECTED[Dimension.DURATION]}"
        raise typer.BadParameter(message)
    return found_s


def positive_duration_s(text: str) -> float:
    """Return a duration of more than zero."""
    found_s = duration_s(text)
    if not found_s:
        message = f"found {text!r}, expected more than zero, such as 60s"
        raise typer.BadParameter(message)
    return found_s


def rate_per_s(text: str) -> float:
    """Return a rate of more than zero."""
    from math import isfinite

    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not (isfinite(rate) and rate > 0):
        message = f"found {text!r}, expected a plain number of requests a second, such as 2000"
        raise typer.BadParameter(message)
    return rate


MOST_CLOSED_USERS = 100_000
"""Each is a thread of the generator's own making."""

MOST_WORLD_USERS = 1_000_000
"""Their follows and tokens are kept in memory."""

MOST_REMOTE_PROCESSES = 1_000


def users(text: str) -> int:
    """Return a number of closed users."""
    return _users(text, least=1, most=MOST_CLOSED_USERS)


def world_users(text: str) -> int:
    """Return a number of users who can follow each other."""
    return _users(text, least=2, most=MOST_WORLD_USERS)


def _users(text: str, *, least: int, most: int) -> int:
    from scenarios.errors import QuantityError
    from scenarios.quantities import EXPECTED, Dimension, parse

    try:
        found = parse(text, Dimension.COUNT)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error
    if not least <= round(found) <= most:
        at_least = "one" if least == 1 else f"{least} users"
        message = (
            f"found {text!r}, expected at least {at_least} and at most {most:,}: "
            f"{EXPECTED[Dimension.COUNT]}"
        )
        raise typer.BadParameter(message)
    return round(found)


def address(text: str) -> Address:
    """Return a host, and a port if the text has one."""
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, ""
    if not host or (colon and not (port.isdigit() and 0 < int(port) <= 65_535)):  # noqa: PLR2004
        message = f"found {text!r}, expected an address such as 192.168.1.5 or 192.168.1.5:5557"
        raise typer.BadParameter(message)
    return Address(host, int(port)) if port else Address(host)
