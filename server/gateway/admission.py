"""Admission: a request is turned away as it comes if those before it would keep it waiting long.

A server that takes in all that comes answers everybody too late. What has piled up in a moment is
worked off, what piles up all the time is not let in: "controlled delay", from B. Maurer, Fail at
Scale, ACM Queue 13 (8), 2015, after Nichols and Jacobson, Controlling Queue Delay, 2012.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVar

# What a request may wait for its turn: in a burst, and when the line is never empty.
BURST_WAIT_S = 0.25
STEADY_WAIT_S = 0.02
# A line that has been there for longer is no burst's.
BURST_S = 0.1
# So many may wait in any case: a few samples do not tell the pace.
LEAST_WAITING = 32
# The event loop begins so many, some 3 ms of work, looks for answers at hand for as long as is said
# below, and then looks at its sockets: refusals wait for no more than that.
A_TURN = 16
# Of each turn, to look whether answers are at hand for those who are not let in.
GLANCES_S = 0.002
# The pace is that of about so many requests.
REMEMBERED = 64
# Until it is learned.
FIRST_PACE_S = 0.0002


Answer = TypeVar("Answer")


class InLine(Protocol):
    """One who waits in the line."""

    def hand_on(self) -> None:
        """Have the request begun, because its turn has come."""
        ...


class Admission:
    """The line of requests that have come and are not begun.

    The event loop takes in all that has come before it goes on with what it took in. Begun all at
    once, that would keep whoever comes then waiting, also for a refusal: so a few are begun in each
    of its turns, and the others wait here. How long the last has to wait is told by the pace at
    which the line moves on, whatever else the loop does beside.

    Attributes:
        refused: how many were turned away since the start.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
        *,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Let everybody in for now.

        Args:
            monotonic_s: a clock that never goes back.
            soon: calls what it is given in the loop's next turn.
            waited: is told for how long each has waited who had to, seconds.
        """
        self._monotonic_s = monotonic_s
        self._soon = soon
        self._waited = waited
        # Since when each has waited.
        self._line: OrderedDict[InLine, float] = OrderedDict()
        self._most_waiting = BURST_WAIT_S / FIRST_PACE_S
        # Since when somebody waits all the time.
        self._filled_s = 0.0
        # How many more are begun in this turn.
        self._left = A_TURN
        self._glanced_s = 0.0
        self._is_turning = False
        # When the last turn was that left somebody waiting; None if it left nobody.
        self._turned_s: float | None = None
        self._pace_s = FIRST_PACE_S
        self.refused = 0

    @property
    def waiting(self) -> int:
        """How many are in the line."""
        return len(self._line)

    @property
    def is_open(self) -> bool:
        """Whether one who comes now is to be let in."""
        # Of all that a refusal costs, this is asked most often: the rest is done once a turn.
        return len(self._line) < self._most_waiting

    def glance(self, look: Callable[[], Answer | None]) -> Answer | None:
        """Look if an answer is at hand for one who is not let in, while there is time for that."""
        if self._glanced_s >= GLANCES_S:
            return None
        begun_s = self._monotonic_s()
        answer = look()
        self._glanced_s += self._monotonic_s() - begun_s
        return answer

    def join(self, one: InLine) -> None:
        """Let a request in: it is handed on at once, or waits until its turn has come."""
        if self._left and not self._line:
            self._left -= 1
            self._expect_turn()
            one.hand_on()
            return
        now_s = self._monotonic_s()
        if not self._line:
            self._filled_s = now_s
        self._line[one] = now_s

    def leave(self, one: InLine) -> None:
        """Take a request out of the line, because its client has gone."""
        self._line.pop(one, None)

    def _expect_turn(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            self._soon(self._turn)

    def _turn(self) -> None:
        self._is_turning = False
        self._left = A_TURN
        self._glanced_s = 0.0
        now_s = self._monotonic_s()
        if not self._line:
            self._turned_s = None
            self._filled_s = now_s
            self._set_bound(now_s)
            return
        # First of all: nobody is to wait for ever, whatever happens to those before.
        self._expect_turn()
        self._learn_pace(now_s)
        self._set_bound(now_s)
        while self._left and self._line:
            one, since_s = self._line.popitem(last=False)
            self._waited(now_s - since_s)
            self._left -= 1
            one.hand_on()

    def _set_bound(self, now_s: float) -> None:
        is_burst = now_s - self._filled_s <= BURST_S
        wait_s = BURST_WAIT_S if is_burst else STEADY_WAIT_S
        self._most_waiting = max(wait_s / self._pace_s, LEAST_WAITING)

    def _learn_pace(self, now_s: float) -> None:
        if self._turned_s is not None:
            each_s = (now_s - self._turned_s) / A_TURN
            self._pace_s += (each_s - self._pace_s) * A_TURN / (A_TURN + REMEMBERED)
        self._turned_s = now_s if len(self._line) > A_TURN else None
