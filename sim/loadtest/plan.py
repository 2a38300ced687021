"""A plan: all that the load generators must know, as one block of bytes that travels."""

import io
import json
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.loadtest.canaries import Canaries
from sim.loadtest.schedule import Schedule
from sim.loadtest.world import World

REQUEST_TIMEOUT_S = 10.0
"""When a client gives up; the longest that a run waits for its last answers."""

MOST_PAGES = 4_000
"""Pages that are recorded for the oracle; beyond it, evenly thinned out."""


class Load(Enum):
    """Who decides when a request is sent."""

    OPEN = "open"
    """The schedule, whatever the answers."""
    CLOSED = "closed"
    """Users, each some time after its last answer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is made.

    Attributes:
        url: of the target, without a path.
        load: who decides when a request is sent.
        warmup_s: seconds at the start that are not measured.
        duration_s: measured seconds after that.
        posts_per_page, text_characters: of what is asked for and written.
        users, think_s: with closed users: how many, and their mean time between an answer and the
            next request.
        seed: of what the generators draw themselves.
    """

    url: str
    load: Load
    warmup_s: float
    duration_s: float
    posts_per_page: int
    text_characters: int
    users: int
    think_s: float
    seed: int

    @property
    def end_s(self) -> float:
        """When the measured time ends, from the start of the run."""
        return self.warmup_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Plan:
    """What one generator, or all of them together, send."""

    settings: Settings
    schedule: Schedule
    canaries: Canaries
    user_ids: NDArray[np.int64]
    tokens: NDArray[np.str_]
    post_ids: NDArray[np.int64]

    @classmethod
    def of(
        cls, settings: Settings, *, world: World, schedule: Schedule, canaries: Canaries
    ) -> Self:
        """Return the whole plan of a run."""
        return cls(settings, schedule, canaries, world.user_ids, world.tokens, world.post_ids)

    def measured_requests(self) -> int | None:
        """Return how many requests are due in the measured time; None if closed users decide."""
        if self.settings.load is Load.CLOSED:
            return None
        return int((self.schedule.times_s >= self.settings.warmup_s).sum())

    def stripe(self, index: int, *, of: int) -> "Plan":
        """Return the part of one generator: the requests of every `of`-th user.

        All requests of a user are in one stripe, so that the next page of a feed goes on where the
        last one ended.
        """
        return replace(self, schedule=self.schedule.part(self.schedule.actors % of == index))

    def packed(self) -> bytes:
        """Return the plan as bytes."""
        text = json.dumps({**asdict(self.settings), "load": self.settings.load.value})
        archive = io.BytesIO()
        np.savez(
            archive,
            settings=np.frombuffer(text.encode(), dtype=np.uint8),
            times_s=self.schedule.times_s,
            flows=self.schedule.flows,
            actors=self.schedule.actors,
            subjects=self.schedule.subjects,
            continues=self.schedule.continues,
            watchers=self.canaries.watchers,
            user_ids=self.user_ids,
            tokens=self.tokens,
            post_ids=self.post_ids,
        )
        return archive.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Self:
        """Return the plan that `packed` has made bytes of."""
        with np.load(io.BytesIO(content)) as archive:
            settings = json.loads(archive["settings"].tobytes())
            return cls(
                Settings(**{**settings, "load": Load(settings["load"])}),
                Schedule(
                    archive["times_s"],
                    archive["flows"],
                    archive["actors"],
                    archive["subjects"],
                    archive["continues"],
                ),
                Canaries(archive["watchers"]),
                archive["user_ids"],
                archive["tokens"],
                archive["post_ids"],
            )
