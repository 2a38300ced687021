"""Throughput: how many of everything in a day and in a second, on average."""

from scenarios.quantities import DAY_S
from sim.estimates.sheet import Sheet, cell


@cell("users")
def dau(sheet: Sheet) -> float:
    """Daily active users."""
    return sheet.scenario.population.dau


@cell("users")
def mau(sheet: Sheet) -> float:
    """Monthly active users."""
    return sheet.scenario.population.mau


@cell("posts/day")
def posts_per_day(sheet: Sheet) -> float:
    """DAU × posting share × posts of an author in a day."""
    activity = sheet.scenario.activity
    return dau(sheet) * activity.posting_share * activity.posts_per_author


@cell("posts/s")
def posts_per_s(sheet: Sheet) -> float:
    """Posts a day ÷ 86,400."""
    return posts_per_day(sheet) / DAY_S


@cell("posts/day")
def text_posts_per_day(sheet: Sheet) -> float:
    """Posts a day × text share."""
    return posts_per_day(sheet) * sheet.scenario.activity.posts.text.share


@cell("uploads/day")
def uploads_per_day(sheet: Sheet) -> float:
    """Posts a day × (image share + video share)."""
    return posts_per_day(sheet) * sheet.scenario.activity.posts.media_share


@cell("share")
def image_share_of_uploads(sheet: Sheet) -> float:
    """Image share ÷ (image share + video share)."""
    posts = sheet.scenario.activity.posts
    return posts.image.share / posts.media_share if posts.media_share else 0.0


@cell("share")
def video_share_of_uploads(sheet: Sheet) -> float:
    """Video share ÷ (image share + video share)."""
    posts = sheet.scenario.activity.posts
    return posts.video.share / posts.media_share if posts.media_share else 0.0


@cell("reads/day")
def post_reads_per_day(sheet: Sheet) -> float:
    """DAU × posts read by a user in a day."""
    return dau(sheet) * sheet.scenario.activity.posts_read


@cell("reads/s")
def post_reads_per_s(sheet: Sheet) -> float:
    """Post reads a day ÷ 86,400."""
    return post_reads_per_day(sheet) / DAY_S


@cell("posts/page")
def posts_per_page(sheet: Sheet) -> float:
    """Posts in one page of the feed."""
    return sheet.scenario.activity.posts_per_page


@cell("pages/day")
def feed_pages_per_day(sheet: Sheet) -> float:
    """Post reads a day ÷ posts in a page."""
    return post_reads_per_day(sheet) / posts_per_page(sheet)


@cell("pages/s")
def feed_pages_per_s(sheet: Sheet) -> float:
    """Feed pages a day ÷ 86,400."""
    return feed_pages_per_day(sheet) / DAY_S


@cell("likes/day")
def likes_per_day(sheet: Sheet) -> float:
    """DAU × likes by a user in a day."""
    return dau(sheet) * sheet.scenario.activity.likes


@cell("comments/day")
def comments_per_day(sheet: Sheet) -> float:
    """DAU × comments by a user in a day."""
    return dau(sheet) * sheet.scenario.activity.comments


@cell("follows/day")
def follows_per_day(sheet: Sheet) -> float:
    """DAU × follows by a user in a day."""
    return dau(sheet) * sheet.scenario.activity.follows


@cell("unfollows/day")
def unfollows_per_day(sheet: Sheet) -> float:
    """DAU × unfollows by a user in a day."""
    return dau(sheet) * sheet.scenario.activity.unfollows


@cell("notifications/day")
def notifications_per_day(sheet: Sheet) -> float:
    """(likes + comments a day) × share that is not on one's own post."""
    others = 1 - sheet.scenario.activity.own_posts
    return (likes_per_day(sheet) + comments_per_day(sheet)) * others


@cell("sessions/day")
def sessions_per_day(sheet: Sheet) -> float:
    """DAU × sessions of a user in a day."""
    return dau(sheet) * sheet.scenario.activity.sessions


@cell("events/day")
def queue_events_per_day(sheet: Sheet) -> float:
    """Posts + likes + comments a day: each puts one event in the message queue."""
    return posts_per_day(sheet) + likes_per_day(sheet) + comments_per_day(sheet)


@cell("events/s")
def queue_events_per_s(sheet: Sheet) -> float:
    """Queue events a day ÷ 86,400."""
    return queue_events_per_day(sheet) / DAY_S


@cell("likes/post")
def likes_per_post(sheet: Sheet) -> float:
    """Likes a day ÷ posts a day."""
    return likes_per_day(sheet) / posts_per_day(sheet) if posts_per_day(sheet) else 0.0


CELLS = (
    dau,
    mau,
    posts_per_day,
    posts_per_s,
    text_posts_per_day,
    uploads_per_day,
    image_share_of_uploads,
    video_share_of_uploads,
    post_reads_per_day,
    post_reads_per_s,
    posts_per_page,
    feed_pages_per_day,
    feed_pages_per_s,
    likes_per_day,
    comments_per_day,
    likes_per_post,
    follows_per_day,
    unfollows_per_day,
    notifications_per_day,
    sessions_per_day,
    queue_events_per_day,
    queue_events_per_s,
)
