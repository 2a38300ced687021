"""Cost: the monthly bill at list prices, line by line, at the end of the first year."""

from collections.abc import Sequence

from scenarios.infrastructure import EgressTier
from scenarios.quantities import DAY_S, HOUR_S, MONTH_S
from sim.estimates import network, storage, throughput
from sim.estimates.sheet import Sheet, cell
from sim.estimates.sizing import sized_fleet

GB = 1e9
MONTH_HOURS = MONTH_S / HOUR_S
MONTH_DAYS = MONTH_S / DAY_S
_MILLION = 1e6


@cell("USD/month")
def usd_services(sheet: Sheet) -> float:
    """Instances of edge and service boxes × price an hour × 730 h."""
    return _instances_usd(sheet, kinds={"edge", "service"})


@cell("USD/month")
def usd_stores(sheet: Sheet) -> float:
    """Instances of stores and queues × price an hour × 730 h."""
    return _instances_usd(sheet, kinds={"store", "queue"})


@cell("USD/month")
def usd_caches(sheet: Sheet) -> float:
    """Instances of caches × price an hour × 730 h."""
    return _instances_usd(sheet, kinds={"cache"})


@cell("USD/month")
def usd_store_disks(sheet: Sheet) -> float:
    """Bytes held by the stores at the end of the first year, copies included × price of disk."""
    held = sum(
        sheet.named(box.holds, key=f"boxes.{name}.holds") * box.copies
        for name, box in sheet.scenario.boxes.items()
        if box.holds and box.disk is not None and box.kind != "cache"
    )
    copies = min(sheet.scenario.storage.region_copies, len(sheet.scenario.population.regions))
    return _discounted(sheet, held * copies / GB * sheet.scenario.prices.store_disk)


@cell("USD/month")
def usd_object_storage(sheet: Sheet) -> float:
    """Originals and renditions of the first year × price of object storage."""
    stored = storage.stored_bytes_first_year(sheet)
    return _discounted(sheet, stored / GB * sheet.scenario.prices.object_storage)


@cell("USD/month")
def usd_object_requests(sheet: Sheet) -> float:
    """Uploads × (original + renditions) at the PUT price; originals, CDN misses at the GET price.

    The media processor reads each original once.
    """
    prices, uploads = sheet.scenario.prices, throughput.uploads_per_day(sheet)
    puts = uploads * (1 + storage.renditions_per_upload(sheet))
    gets = uploads + network.cdn_fetches_per_day(sheet) * (1 - network.cdn_hit_ratio(sheet))
    usd_per_day = (puts * prices.media_put + gets * prices.media_get) / _MILLION
    return _discounted(sheet, usd_per_day * MONTH_DAYS)


@cell("USD/month")
def usd_egress(sheet: Sheet) -> float:
    """What the CDN and the API send in a month, through the price tiers."""
    sent = network.cdn_egress_bytes_per_day(sheet) + network.api_egress_bytes_per_day(sheet)
    return _discounted(sheet, tiered_usd(sent * MONTH_DAYS, sheet.scenario.prices.egress))


@cell("USD/month")
def usd_origin_fetch(sheet: Sheet) -> float:
    """Bytes from object storage to the CDN × price."""
    sent = network.origin_egress_bytes_per_day(sheet) * MONTH_DAYS
    return _discounted(sheet, sent / GB * sheet.scenario.prices.origin_fetch)


@cell("USD/month")
def usd_between_zones(sheet: Sheet) -> float:
    """What the API sends, once between boxes, two thirds of it to another zone × price."""
    zones = sheet.scenario.failures.zones
    crossing = network.api_egress_bytes_per_day(sheet) * MONTH_DAYS * (zones - 1) / zones
    return _discounted(sheet, crossing / GB * sheet.scenario.prices.between_zones)


LINES = (
    usd_egress,
    usd_object_storage,
    usd_stores,
    usd_store_disks,
    usd_services,
    usd_caches,
    usd_object_requests,
    usd_origin_fetch,
    usd_between_zones,
)


@cell("USD/month")
def usd_per_month(sheet: Sheet) -> float:
    """Sum of the lines of the bill."""
    return sum(line(sheet) for line in LINES)


@cell("USD/user/month")
def usd_per_dau_per_month(sheet: Sheet) -> float:
    """Monthly bill ÷ DAU."""
    return usd_per_month(sheet) / throughput.dau(sheet)


@cell("USD/month")
def usd_object_storage_at_retention(sheet: Sheet) -> float:
    """Object storage once everything retained, with growth, is stored."""
    kept = storage.post_bytes_retained_with_growth(sheet) * storage.renditions_factor(sheet)
    return _discounted(sheet, kept / GB * sheet.scenario.prices.object_storage)


def tiered_usd(sent_bytes: float, tiers: Sequence[EgressTier]) -> float:
    """Price of a month's egress, each tier's price for the bytes that fall into it."""
    total, below = 0.0, 0.0
    for tier in tiers:
        top = sent_bytes if tier.up_to is None else min(float(tier.up_to), sent_bytes)
        total += max(0.0, top - below) / GB * tier.price
        below = max(below, top)
    return total


def _instances_usd(sheet: Sheet, *, kinds: set[str]) -> float:
    boxes = sheet.scenario.boxes
    hourly = sum(
        fleet.instances * boxes[fleet.box].price
        for fleet in sheet.once(sized_fleet).boxes
        if boxes[fleet.box].kind in kinds
    )
    return _discounted(sheet, hourly * MONTH_HOURS)


def _discounted(sheet: Sheet, usd: float) -> float:
    return usd * (1 - sheet.scenario.prices.discount)


CELLS = (*LINES, usd_per_month, usd_per_dau_per_month, usd_object_storage_at_retention)
