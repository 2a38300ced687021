"""Storage: bytes that arrive in a day and bytes that are kept."""

from scenarios.quantities import DAY_S, YEAR_S
from sim.estimates import throughput
from sim.estimates.sheet import Sheet, cell

_YEAR_DAYS = 365


@cell("bytes/day")
def text_bytes_per_day(sheet: Sheet) -> float:
    """Posts a day × text share × text size."""
    kind = sheet.scenario.activity.posts.text
    return throughput.posts_per_day(sheet) * kind.share * kind.size


@cell("bytes/day")
def image_bytes_per_day(sheet: Sheet) -> float:
    """Posts a day × image share × image size."""
    kind = sheet.scenario.activity.posts.image
    return throughput.posts_per_day(sheet) * kind.share * kind.size


@cell("bytes/day")
def video_bytes_per_day(sheet: Sheet) -> float:
    """Posts a day × video share × video size."""
    kind = sheet.scenario.activity.posts.video
    return throughput.posts_per_day(sheet) * kind.share * kind.size


@cell("bytes/day")
def post_bytes_per_day(sheet: Sheet) -> float:
    """Text + image + video bytes a day."""
    return text_bytes_per_day(sheet) + image_bytes_per_day(sheet) + video_bytes_per_day(sheet)


@cell("bytes")
def post_bytes_retained(sheet: Sheet) -> float:
    """Bytes a day × days kept, without growth or copies."""
    return post_bytes_per_day(sheet) * sheet.scenario.storage.retention / DAY_S


@cell("×", source="a constant growth rate, compounded yearly, constant within a year")
def growth_over_retention(sheet: Sheet) -> float:
    """Mean over the retention of (1 + growth) to the power of the year."""
    years = sheet.scenario.storage.retention / YEAR_S
    return grown_years(sheet.scenario.population.growth_per_year, years) / years


@cell("bytes")
def post_bytes_retained_with_growth(sheet: Sheet) -> float:
    """Bytes retained × growth over the retention."""
    return post_bytes_retained(sheet) * growth_over_retention(sheet)


@cell("×")
def renditions_factor(sheet: Sheet) -> float:
    """Bytes of originals and renditions ÷ bytes of originals."""
    storage = sheet.scenario.storage
    added = (
        image_bytes_per_day(sheet) * storage.image_renditions
        + video_bytes_per_day(sheet) * storage.video_renditions
    )
    total = post_bytes_per_day(sheet)
    return 1 + (added / total if total else 0.0)


@cell("objects/upload")
def renditions_per_upload(sheet: Sheet) -> float:
    """Objects that renditions are stored as, of an image and of a video, by their shares."""
    posts, storage = sheet.scenario.activity.posts, sheet.scenario.storage
    made = posts.image.share * storage.image_objects + posts.video.share * storage.video_objects
    return made / posts.media_share if posts.media_share else 0.0


@cell("bytes/day")
def stored_bytes_per_day(sheet: Sheet) -> float:
    """Bytes a day × renditions factor, without copies."""
    return post_bytes_per_day(sheet) * renditions_factor(sheet)


@cell("bytes")
def media_bytes_retained_with_copies(sheet: Sheet) -> float:
    """Bytes retained with growth × renditions factor × effective copies of media."""
    kept = post_bytes_retained_with_growth(sheet) * renditions_factor(sheet)
    return kept * sheet.scenario.storage.media_copies


@cell("bytes")
def post_rows_bytes_retained(sheet: Sheet) -> float:
    """Posts over the retention, with growth × bytes of a post's row."""
    return _rows_retained(sheet, throughput.posts_per_day(sheet), sheet.scenario.storage.post_row)


@cell("bytes")
def like_bytes_retained(sheet: Sheet) -> float:
    """Likes over the retention, with growth × bytes of a like."""
    return _rows_retained(sheet, throughput.likes_per_day(sheet), sheet.scenario.storage.like_row)


@cell("bytes")
def comment_bytes_retained(sheet: Sheet) -> float:
    """Comments over the retention, with growth × bytes of a comment."""
    return _rows_retained(
        sheet, throughput.comments_per_day(sheet), sheet.scenario.storage.comment_row
    )


@cell("bytes")
def post_rows_bytes_first_year(sheet: Sheet) -> float:
    """Posts a day × 365 × bytes of a post's row."""
    return throughput.posts_per_day(sheet) * _YEAR_DAYS * sheet.scenario.storage.post_row


@cell("bytes")
def like_bytes_first_year(sheet: Sheet) -> float:
    """Likes a day × 365 × bytes of a like."""
    return throughput.likes_per_day(sheet) * _YEAR_DAYS * sheet.scenario.storage.like_row


@cell("bytes")
def comment_bytes_first_year(sheet: Sheet) -> float:
    """Comments a day × 365 × bytes of a comment."""
    return throughput.comments_per_day(sheet) * _YEAR_DAYS * sheet.scenario.storage.comment_row


@cell("bytes")
def stored_bytes_first_year(sheet: Sheet) -> float:
    """Originals and renditions of a day × 365, without copies."""
    return stored_bytes_per_day(sheet) * _YEAR_DAYS


@cell("bytes")
def follow_bytes(sheet: Sheet) -> float:
    """MAU × mean followees × bytes of a follow edge in both directions."""
    edges = throughput.mau(sheet) * sheet.scenario.activity.followers.mean
    return edges * sheet.scenario.storage.follow_row


@cell("bytes")
def user_bytes(sheet: Sheet) -> float:
    """MAU × bytes of a user's row."""
    return throughput.mau(sheet) * sheet.scenario.storage.user_row


@cell("bytes")
def notification_bytes(sheet: Sheet) -> float:
    """Notifications a day × days kept × bytes of a notification."""
    storage = sheet.scenario.storage
    days = storage.notification_retention / DAY_S
    return throughput.notifications_per_day(sheet) * days * storage.notification_row


@cell("bytes")
def row_bytes_with_copies(sheet: Sheet) -> float:
    """(posts, likes, comments, follows, users, notifications) × copies in a region × regions."""
    rows = (
        post_rows_bytes_retained(sheet)
        + like_bytes_retained(sheet)
        + comment_bytes_retained(sheet)
        + follow_bytes(sheet)
        + user_bytes(sheet)
        + notification_bytes(sheet)
    )
    return rows * sheet.scenario.storage.row_copies * sheet.scenario.storage.region_copies


@cell("bytes/day", source="an event is two 64-bit ids and its framing, 100 bytes (assumption)")
def queue_bytes_per_day(sheet: Sheet) -> float:
    """Queue events a day × 100 bytes: a day's events are kept for replay."""
    return throughput.queue_events_per_day(sheet) * 100


def grown_years(growth_per_year: float, years: float) -> float:
    """Years of today's volume that accumulate in `years`; the last year may be a part of one.

    Source: the geometric series, (1 + g)^0 + (1 + g)^1 + ...
    """
    whole = int(years)
    grown = sum((1 + growth_per_year) ** year for year in range(whole))
    return grown + (years - whole) * (1 + growth_per_year) ** whole


def _rows_retained(sheet: Sheet, rows_per_day: float, row_bytes: float) -> float:
    days = sheet.scenario.storage.retention / DAY_S
    return rows_per_day * days * growth_over_retention(sheet) * row_bytes


CELLS = (
    text_bytes_per_day,
    image_bytes_per_day,
    video_bytes_per_day,
    post_bytes_per_day,
    post_bytes_retained,
    growth_over_retention,
    post_bytes_retained_with_growth,
    renditions_factor,
    renditions_per_upload,
    stored_bytes_per_day,
    media_bytes_retained_with_copies,
    post_rows_bytes_retained,
    like_bytes_retained,
    comment_bytes_retained,
    post_rows_bytes_first_year,
    like_bytes_first_year,
    comment_bytes_first_year,
    stored_bytes_first_year,
    follow_bytes,
    user_bytes,
    notification_bytes,
    row_bytes_with_copies,
    queue_bytes_per_day,
)
