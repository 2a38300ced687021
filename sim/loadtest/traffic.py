"""Traffic: what a scenario's users ask of the API, how often, and of whom."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from scenarios.model import Scenario
from sim.estimates.book import open_sheet
from sim.estimates.sheet import world_factors
from sim.estimates.workload import workload

FLOWS = ("read_feed", "text_post", "media_post", "like", "comment", "follow", "unfollow")
"""The flows that a client can ask for; a schedule names a flow by its position here."""

POSTS = ("text_post", "media_post")

MOST_PER_PAGE = 100
"""Of the API: `limit` is 1 to 100."""

SHORTEST_TEXT = 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all users together ask for.

    Attributes:
        rates_per_s: requests a second by flow, the mean of a day; flows without any are left out.
        think_s: mean time between two requests of a user during a visit.
        pages_a_visit: mean pages of the feed that a visit reads, at least one.
        page_gap_s: mean time a visit spends on a page before it asks for the next.
        posts_per_page: the `limit` of a page.
        text_characters: of a post that is written.
        reader_popularity: Zipf exponent of who acts.
        post_popularity: Zipf exponent of which post is liked or commented on.
        hourly: load of the world in each UTC hour over its mean.
        left_out: flows with requests that no call of the API stands for.
    """

    rates_per_s: Mapping[str, float]
    think_s: float
    pages_a_visit: float
    page_gap_s: float
    posts_per_page: int
    text_characters: int
    reader_popularity: float
    post_popularity: float
    hourly: tuple[float, ...]
    left_out: tuple[str, ...]

    @property
    def rate_per_s(self) -> float:
        """Requests a second of all flows."""
        return sum(self.rates_per_s.values())

    def at(self, rate_per_s: float) -> Self:
        """Return the same mix at another total rate."""
        factor = rate_per_s / self.rate_per_s
        return replace(
            self, rates_per_s={name: rate * factor for name, rate in self.rates_per_s.items()}
        )


def scenario_traffic(scenario: Scenario) -> Traffic:
    """Return the traffic of a scenario, from the estimates that size its fleet."""
    sheet = open_sheet(scenario)
    rates = {flow.name: flow.requests_per_s for flow in sheet.once(workload).flows}
    activity = scenario.activity
    offered = {name: rates[name] for name in FLOWS if rates.get(name)}
    per_user_per_day = sum(offered.values()) * _DAY_S / scenario.population.dau
    visits_s = activity.sessions * activity.session_length
    pages_a_visit = activity.posts_read / activity.posts_per_page / max(activity.sessions, 1.0)
    pages_a_visit = max(float(pages_a_visit), 1.0)
    return Traffic(
        rates_per_s=offered,
        think_s=float(visits_s / per_user_per_day) if per_user_per_day else 0.0,
        pages_a_visit=pages_a_visit,
        page_gap_s=float(activity.session_length / pages_a_visit),
        posts_per_page=max(1, min(round(activity.posts_per_page), MOST_PER_PAGE)),
        # Ids, author and counts take about the other half of a post in a page.
        text_characters=max(SHORTEST_TEXT, round(scenario.network.post_in_page / 2)),
        reader_popularity=float(scenario.caches.feed_popularity),
        post_popularity=float(scenario.caches.post_popularity),
        hourly=sheet.once(world_factors),
        left_out=tuple(
            name for name, rate in rates.items() if rate and name not in (*FLOWS, "notification")
        ),
    )


_DAY_S = 86_400.0
