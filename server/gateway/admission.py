"""Admission: a request is turned away as it comes if those before it would keep it waiting long.

A server that takes in all that comes answers everybody too late. What has piled up in a moment is
worked off, what piles up all the time is not let in: "controlled delay", from B. Maurer, Fail at
Scale, ACM Queue 13 (8), 2015, after Nichols and Jacobson, Controlling Queue Delay, 2012.
"""

from collections.abc import Callable

# What a request may wait for its turn: in a burst, and when the loop is behind all the time.
BURST_WAIT_S = 0.25
STEADY_WAIT_S = 0.05
# A loop whose timers have been later than this is behind. Lines of `STEADY_WAIT_S` keep it so until
# less comes than it can do; at three quarters of what it can do its timers are 1 ms late, and 2 ms
# where other programs use its core now and then.
BEHIND_S = 0.005
# So many may wait in any case: a few samples do not tell the pace.
LEAST_WAITING = 32
# The pace is that of about so many requests, looked at so often while there is a line.
REMEMBERED = 64
LOOK_S = 0.01
# Until it is learned.
FIRST_PACE_S = 0.0002
# The lag is that of about so many timers: learned sooner than it is forgotten.
LAGS_LEARNED, LAGS_REMEMBERED = 4, 16


class Admission:
    """The line of requests that have come and are not begun.

    The event loop takes in all that has come, and begins one after the other what it took in: a
    line. How long its last has to wait is told by the pace at which requests are begun, whatever
    else the loop does beside.

    Attributes:
        waiting: how many are in the line.
        refused: how many were turned away since the start.
        lag_s: how late the loop's timers are of late.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self.waiting = 0
        self.refused = 0
        self.lag_s = 0.0
        self._pace_s = FIRST_PACE_S
        self._since_s = monotonic_s()
        self._begun = 0

    @property
    def is_open(self) -> bool:
        """Whether one who comes now is to be let in."""
        most_s = STEADY_WAIT_S if self.lag_s > BEHIND_S else BURST_WAIT_S
        return self.waiting * self._pace_s <= most_s or self.waiting < LEAST_WAITING

    def arrive(self) -> None:
        """Put a request into the line."""
        if not self.waiting:
            self._since_s = self._monotonic_s()
            self._begun = 0
        self.waiting += 1

    def begin(self) -> None:
        """Take a request out of the line, because its turn has come."""
        now_s = self._monotonic_s()
        self.waiting -= 1
        self._begun += 1
        took_s = now_s - self._since_s
        if not self.waiting or took_s > LOOK_S:
            weight = self._begun / (self._begun + REMEMBERED)
            self._pace_s += (took_s / self._begun - self._pace_s) * weight
            self._since_s = now_s
            self._begun = 0

    def leave(self) -> None:
        """Take a request out of the line, because its client has gone."""
        self.waiting -= 1

    def note_lag(self, lag_s: float) -> None:
        """Take down how late a timer was."""
        over = LAGS_LEARNED if lag_s > self.lag_s else LAGS_REMEMBERED
        self.lag_s += (lag_s - self.lag_s) / over
