"""Feeds: what fan-out on write inserts, for whom, and what the prepared feeds weigh."""

from scenarios.fanout import Fanout
from scenarios.followers import FollowerDistribution
from scenarios.quantities import DAY_S
from sim.estimates import throughput
from sim.estimates.sheet import Sheet, cell


@cell("inserts/day")
def feed_inserts_per_day(sheet: Sheet) -> float:
    """Posts a day × mean followers: every follower of every post."""
    return throughput.posts_per_day(sheet) * sheet.scenario.activity.followers.mean


@cell("inserts/s")
def feed_inserts_per_s(sheet: Sheet) -> float:
    """Feed inserts a day ÷ 86,400."""
    return feed_inserts_per_day(sheet) / DAY_S


@cell("share")
def away_share(sheet: Sheet) -> float:
    """1 - DAU ÷ MAU: followers who do not come on the day of the post."""
    return 1 - throughput.dau(sheet) / throughput.mau(sheet)


@cell("inserts/day")
def feed_inserts_to_away_users_per_day(sheet: Sheet) -> float:
    """Feed inserts a day × share of users away that day."""
    return feed_inserts_per_day(sheet) * away_share(sheet)


@cell("share")
def inactive_share(sheet: Sheet) -> float:
    """Followers who were not active within the active window."""
    return 1 - sheet.scenario.feed.active_share


@cell("inserts/day")
def feed_inserts_to_inactive_users_per_day(sheet: Sheet) -> float:
    """Feed inserts a day × share of users inactive for the whole active window."""
    return feed_inserts_per_day(sheet) * inactive_share(sheet)


@cell("share")
def edge_share_above_threshold(sheet: Sheet) -> float:
    """Follow edges that lead to authors above the push threshold."""
    return follower_distribution(sheet).edge_share_above(sheet.scenario.feed.push_threshold)


@cell("inserts/day")
def feed_inserts_above_threshold_per_day(sheet: Sheet) -> float:
    """Feed inserts a day that the hybrid design would leave to the readers."""
    return feed_inserts_per_day(sheet) * edge_share_above_threshold(sheet)


@cell("followers/post")
def mean_followers_pushed(sheet: Sheet) -> float:
    """Mean followers to whom the design pushes a post."""
    followers: float = sheet.scenario.activity.followers.mean
    match sheet.scenario.fanout:
        case Fanout.PULL:
            return 0.0
        case Fanout.HYBRID:
            followers *= 1 - edge_share_above_threshold(sheet)
        case Fanout.PUSH:
            pass
    return followers * pushed_follower_share(sheet)


@cell("share")
def pushed_follower_share(sheet: Sheet) -> float:
    """Followers who are pushed to: all, or those active within the window."""
    feed = sheet.scenario.feed
    return feed.active_share if feed.push_to == "active" else 1.0


@cell("inserts/day")
def feed_inserts_pushed_per_day(sheet: Sheet) -> float:
    """Posts a day × mean followers that this design pushes to."""
    return throughput.posts_per_day(sheet) * mean_followers_pushed(sheet)


@cell("followees/read")
def pulled_followees_per_read(sheet: Sheet) -> float:
    """Mean followees whose posts are not pushed, so are pulled at each read."""
    followees: float = sheet.scenario.activity.followers.mean
    match sheet.scenario.fanout:
        case Fanout.PUSH:
            return 0.0
        case Fanout.HYBRID:
            return followees * edge_share_above_threshold(sheet)
        case Fanout.PULL:
            return followees


@cell("bytes/user")
def feed_bytes_per_user(sheet: Sheet) -> float:
    """Most entries of a feed × bytes of an entry in the encoding chosen."""
    return sheet.scenario.feed.max_entries * sheet.scenario.feed.entry_bytes


@cell("bytes")
def feeds_bytes(sheet: Sheet) -> float:
    """MAU × bytes of a full feed: the feeds db, one copy."""
    return throughput.mau(sheet) * feed_bytes_per_user(sheet)


@cell("bytes")
def daily_feeds_bytes_packed(sheet: Sheet) -> float:
    """DAU × entries of a feed × bytes of an entry in a packed list."""
    feed = sheet.scenario.feed
    return throughput.dau(sheet) * feed.max_entries * feed.packed_entry


@cell("bytes")
def daily_feeds_bytes_sorted_set(sheet: Sheet) -> float:
    """DAU × entries of a feed × bytes of an entry in a sorted set."""
    feed = sheet.scenario.feed
    return throughput.dau(sheet) * feed.max_entries * feed.sorted_set_entry


def follower_distribution(sheet: Sheet) -> FollowerDistribution:
    """Distribution of the followers of an author."""
    return sheet.scenario.activity.followers.distribution


CELLS = (
    feed_inserts_per_day,
    feed_inserts_per_s,
    away_share,
    feed_inserts_to_away_users_per_day,
    inactive_share,
    feed_inserts_to_inactive_users_per_day,
    edge_share_above_threshold,
    feed_inserts_above_threshold_per_day,
    mean_followers_pushed,
    pushed_follower_share,
    feed_inserts_pushed_per_day,
    pulled_followees_per_read,
    feed_bytes_per_user,
    feeds_bytes,
    daily_feeds_bytes_packed,
    daily_feeds_bytes_sorted_set,
)
