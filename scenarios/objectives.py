"""What the system must achieve."""

from scenarios.assumption import PositiveSeconds, PositiveShare, Share, ShareBelowOne
from scenarios.section import Name, Section


class Objectives(Section):
    """Targets; a run says of each whether it was met.

    Attributes:
        p99: seconds within which 99 % of a flow's requests are answered, by flow.
        freshness_p99: seconds from a post's confirmation to its last follower's feed, for 99 % of
            posts.
        availability: share of the time that the system answers.
        target_utilisation: share of its workers that a box may keep busy at the peak.
        waiting_share: mean wait for a worker, as a share of the mean service time, at the peak.
    """

    p99: dict[Name, PositiveSeconds]
    freshness_p99: PositiveSeconds
    availability: Share
    target_utilisation: ShareBelowOne
    waiting_share: PositiveShare
