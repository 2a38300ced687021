"""Judgement: were the objectives met, what breaks first, and what should a reader know?"""

from collections.abc import Iterator, Sequence

from scenarios.events import RegionOutage
from scenarios.fanout import Fanout
from scenarios.quantities import (
    YEAR_S,
    format_count,
    format_duration,
    format_share,
    format_size,
)
from sim.estimates import cost, edge, feeds, memory, network, reliability, storage
from sim.estimates.items import PushedFollowers
from sim.estimates.stated import stated_value
from sim.percentiles import Samples
from sim.results.simulation import Finding, FlowRow, Freshness, ObjectiveRow
from sim.study import OVERLOADED, HourStudy, Study

PROBLEM, WARNING, NOTE = "problem", "warning", "note"


def objective_rows(
    study: Study, flows: Sequence[FlowRow], freshness: Freshness
) -> tuple[ObjectiveRow, ...]:
    """Return each objective with what was reached."""
    objectives = study.scenario.objectives
    p99 = {row.flow: row.p99_s for row in flows}
    rows = [
        _at_most(f"{flow} p99", "s", float(target), p99[flow])
        for flow, target in objectives.p99.items()
    ]
    rows.append(_at_most("freshness p99", "s", float(objectives.freshness_p99), freshness.p99_s))
    rows.extend(_event_rows(study))
    available = reliability.availability(study.estimation.sheet)
    target = float(objectives.availability)
    rows.append(ObjectiveRow("availability", "share", target, available, available >= target))
    hottest = max(fleet.utilisation_region_lost for fleet in study.fleet.boxes)
    rows.append(
        _at_most(
            "utilisation, one region lost", "share", float(objectives.target_utilisation), hottest
        )
    )
    return tuple(rows)


def _event_rows(study: Study) -> Iterator[ObjectiveRow]:
    """Judge the hours in which something happens by the feed's and the freshness objective."""
    feed, target = "read_feed", study.scenario.objectives.p99.get("read_feed")
    for hour in study.hours:
        if not hour.conditions.events:
            continue
        name = f"{feed} p99 at {hour.conditions.hour:02d}:00 UTC"
        if target is not None and hour.result is None:
            yield ObjectiveRow(name, "s", float(target), None, met=False)
        elif (
            target is not None and hour.result is not None and feed in hour.result.response_times_s
        ):
            times = Samples.joined([(hour.result.response_times_s[feed], 1.0)])
            yield _at_most(name, "s", float(target), times.quantile_s(0.99))
        if hour.result is not None and hour.result.celebrity_freshness_s is not None:
            yield _at_most(
                f"freshness of the celebrity's post at {hour.conditions.hour:02d}:00 UTC",
                "s",
                float(study.scenario.objectives.freshness_p99),
                hour.result.celebrity_freshness_s,
            )


def _at_most(name: str, unit: str, target: float, value: float | None) -> ObjectiveRow:
    return ObjectiveRow(name, unit, target, value, None if value is None else value <= target)


def findings(study: Study, objectives: Sequence[ObjectiveRow]) -> tuple[Finding, ...]:
    """Return what a reader should know, problems first."""
    found = [
        *_missed(objectives),
        *_overloads(study),
        *_event_findings(study),
        *_availability(study),
        *_first_to_break(study),
        *_cache(study),
        *_media(study),
        *_fan_out(study),
        *_celebrity_by_arithmetic(study),
        *_cost(study),
        *_rounding(study),
    ]
    order = {PROBLEM: 0, WARNING: 1, NOTE: 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


def _missed(objectives: Sequence[ObjectiveRow]) -> Iterator[Finding]:
    for row in objectives:
        if row.met is False and row.value is not None:
            yield Finding(
                PROBLEM,
                f"{_sentence(row.name)} is {_told(row.value, row.unit)}, "
                f"the objective is {_told(row.target, row.unit)}.",
            )
        if row.met is None:
            yield Finding(
                WARNING, f"{_sentence(row.name)} could not be told: too few requests were answered."
            )


def _told(value: float, unit: str) -> str:
    if unit == "s":
        return format_duration(value)
    # Four digits are too few for five nines.
    return f"{value * 100:.4f}%" if value > 0.99 else format_share(value)  # noqa: PLR2004 - as said


def _sentence(text: str) -> str:
    """Return the text with a capital, as it starts a sentence."""
    return _words(text[:1].upper() + text[1:])


def _words(name: str) -> str:
    """Return the name of a box, flow or region as it is read, not as it is written in a file."""
    return name.replace("_", " ")


def _overloads(study: Study) -> Iterator[Finding]:
    for hour in study.hours:
        box, utilisation = max(hour.utilisation.items(), key=lambda item: item[1])
        if utilisation < OVERLOADED:
            continue
        because = f" ({'; '.join(hour.conditions.events)})" if hour.conditions.events else ""
        hot = [name for name, value in hour.utilisation.items() if value >= OVERLOADED]
        yield Finding(
            PROBLEM,
            f"At {hour.conditions.hour:02d}:00 UTC{because} {_words(study.region)} is "
            f"overloaded: {_words(', '.join(hot))}; {_words(box)} would need "
            f"{format_share(utilisation)} of its workers, so its queue grows by "
            f"{_backlog_per_s(hour, box):,.0f} visits a second as long as the load lasts. "
            "Percentiles of that hour are not given.",
        )


def _backlog_per_s(hour: HourStudy, box: str) -> float:
    arriving = hour.work.boxes[box].visits_per_s * hour.conditions.load_share
    return arriving * (1 - 1 / hour.utilisation[box])


def _event_findings(study: Study) -> Iterator[Finding]:
    for event in study.scenario.events:
        if isinstance(event, RegionOutage):
            share = study.scenario.population.regions[event.region].share
            yield Finding(
                WARNING,
                f"When {_words(event.region)} is lost, {format_share(share)} of all "
                "users are without service for "
                f"{format_duration(study.scenario.failures.failover)}, until the other regions "
                "serve them.",
            )
    for hour in study.hours:
        if hour.result is None or hour.result.celebrity_freshness_s is None:
            continue
        followers = hour.conditions.celebrity_followers or 0
        reached_s = hour.result.celebrity_freshness_s
        late = reached_s > study.scenario.objectives.freshness_p99
        yield Finding(
            PROBLEM if late else NOTE,
            f"The post to {format_count(followers)} followers at {hour.conditions.hour:02d}:00 UTC "
            f"reaches the last of those in {_words(study.region)} after "
            f"{format_duration(reached_s)} "
            f"(fan-out: {study.scenario.fanout})"
            + ("; posts made meanwhile wait behind it." if late else "."),
        )


def _availability(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    parts = {
        "boxes and zones": reliability.unavailability_boxes(sheet),
        "lost regions": reliability.unavailability_regions(sheet),
        "failures of everything at once": reliability.unavailability_global(sheet),
    }
    cause = max(parts, key=lambda part: parts[part])
    allowed_s = (1 - study.scenario.objectives.availability) * YEAR_S
    yield Finding(
        NOTE,
        f"Of {format_duration(reliability.downtime_s_per_year(sheet))} of downtime a year, "
        f"{cause} cause {format_duration(parts[cause] * YEAR_S)}; the objective allows "
        f"{format_duration(allowed_s)}. More instances do not help against the largest part.",
    )


def _first_to_break(study: Study) -> Iterator[Finding]:
    hottest = max(study.fleet.boxes, key=lambda fleet: fleet.peak_utilisation)
    growth = 1 / hottest.peak_utilisation if hottest.peak_utilisation else 0.0
    yield Finding(
        NOTE,
        f"What breaks first is the {_words(hottest.box)} in {_words(hottest.region)}: "
        f"{format_share(hottest.peak_utilisation)} busy at the peak, it saturates at "
        f"{growth:.2f} times the peak load.",
    )


def _cache(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    reached = memory.feed_cache_hit_ratio(sheet)
    target = float(study.scenario.caches.target_hit_ratio)
    if study.scenario.fanout is Fanout.PULL or reached >= target:
        return
    yield Finding(
        WARNING,
        f"A cache of {format_share(study.scenario.caches.daily_share)} of a day's bytes "
        f"({format_size(memory.cache_bytes(sheet))}) holds "
        f"{format_count(memory.feeds_cached(sheet))} feeds and answers {format_share(reached)} of "
        f"feed reads; {format_share(target)} would need "
        f"{format_size(memory.feed_cache_bytes_for_target(sheet))}.",
    )


def _media(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    if not network.cdn_objects(sheet):
        return
    sizes = study.scenario.storage
    yield Finding(
        NOTE,
        f"Renditions add {format_share(sizes.image_renditions)} to an image's bytes and "
        f"{format_share(sizes.video_renditions)} to a video's, "
        f"{format_size(_rendition_bytes_per_day(study))} a day. Clients get "
        f"{format_share(network.delivered_of_image(sheet))} of an image's bytes and "
        f"{format_share(network.delivered_of_video(sheet))} of a video's: what is read in a day "
        f"weighs {format_size(network.delivered_bytes_per_day(sheet))}, where originals would be "
        f"{format_size(network.egress_bytes_per_day(sheet))}. A CDN that answers "
        f"{format_share(network.cdn_hit_ratio(sheet))} of fetches caches "
        f"{format_size(edge.cdn_bytes_for_hit_ratio(sheet))} if it keeps what is asked for a "
        f"second time, and {format_size(edge.cdn_bytes_for_hit_ratio_by_lru(sheet))} if it keeps "
        "everything.",
    )


def _rendition_bytes_per_day(study: Study) -> float:
    sheet = study.estimation.sheet
    return storage.stored_bytes_per_day(sheet) - storage.post_bytes_per_day(sheet)


def _fan_out(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    saved = feeds.inactive_share(sheet)
    pushes_to_all = study.scenario.feed.push_to == "all" and bool(saved)
    if study.scenario.fanout is Fanout.PULL or not pushes_to_all:
        return
    if not feeds.feed_inserts_per_day(sheet):
        return
    yield Finding(
        NOTE,
        f"Of {format_count(feeds.feed_inserts_per_day(sheet))} feed inserts a day, "
        f"{format_share(feeds.away_share(sheet))} go to users who do not come that day. Pushing "
        f"only to those active within {format_duration(study.scenario.feed.active_window)} would "
        f"save {format_share(saved)} of all inserts.",
    )


def _celebrity_by_arithmetic(study: Study) -> Iterator[Finding]:
    if study.scenario.fanout is not Fanout.PUSH:
        return
    followers = float(study.scenario.activity.followers.most)
    slowest = max(
        (
            (_drain_s(study, flow.name, step.box, followers), step.box)
            for flow in study.work.flows
            for step in flow.steps
            if flow.spreads_posts and isinstance(step.items, PushedFollowers)
        ),
        default=None,
    )
    if slowest is None or slowest[0] <= study.scenario.objectives.freshness_p99:
        return
    drain_s, box = slowest
    yield Finding(
        WARNING,
        f"One post by the most followed account ({format_count(followers)} followers) keeps "
        f"{_words(box)} in {_words(study.region)} busy for {format_duration(drain_s)} at the "
        "peak, and delays every post behind it; the hybrid design (--set fanout=hybrid) does not "
        "push it.",
    )


def _drain_s(study: Study, flow_name: str, box: str, followers: float) -> float:
    """Seconds in which the box's idle workers at the peak work off one post's fan-out."""
    flow = next(flow for flow in study.work.flows if flow.name == flow_name)
    work_s = sum(
        followers * (step.time_per_item_s + step.base_time_s / step.chunk)
        for step in flow.steps
        if step.box == box and isinstance(step.items, PushedFollowers)
    )
    fleet = study.fleet.of(box, study.region)
    idle_workers = fleet.instances * fleet.workers * (1 - fleet.peak_utilisation)
    share = study.scenario.population.regions[study.region].share
    return work_s * share / idle_workers


def _cost(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    total = cost.usd_per_month(sheet)
    line = max(cost.LINES, key=lambda each: each(sheet))
    yield Finding(
        NOTE,
        f"{line.name.removeprefix('usd_').replace('_', ' ').capitalize()} is "
        f"{format_share(line(sheet) / total if total else 0.0)} of the bill of "
        f"${format_count(total)} a month at the end of the first year "
        f"(${cost.usd_per_dau_per_month(sheet):.3f} for each daily user). Object storage grows "
        f"from ${format_count(cost.usd_object_storage(sheet))} then to "
        f"${format_count(cost.usd_object_storage_at_retention(sheet))} a month when all that is "
        "retained is stored.",
    )


def _rounding(study: Study) -> Iterator[Finding]:
    sheet = study.estimation.sheet
    stated = stated_value("post_bytes_retained", dict(study.scenario.assumptions()))
    if stated is None:
        return
    computed = storage.post_bytes_retained(sheet)
    grown = storage.post_bytes_retained_with_growth(sheet)
    yield Finding(
        NOTE,
        f"The design document says {format_size(stated)} for ten years; its own arithmetic gives "
        f"{format_size(computed)}, growth of "
        f"{format_share(study.scenario.population.growth_per_year)} a year makes it "
        f"{format_size(grown)}.",
    )
