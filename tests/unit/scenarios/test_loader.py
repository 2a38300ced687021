"""Loading a scenario: what is read, what is merged, and what is refused with which message."""

from pathlib import Path

import pytest

from scenarios.errors import InvalidScenarioError
from scenarios.fanout import Fanout
from scenarios.loader import library_names, load
from tests.unit.scenarios.files import problem_with, write_scenario


def test_the_design_document_is_the_default() -> None:
    scenario = load()

    assert scenario.name == "news_feed"
    assert (scenario.population.dau, scenario.population.mau) == (500e6, 2e9)


def test_fewer_daily_users_keep_the_ratio_of_monthly_ones() -> None:
    population = load(dau=100e6).population

    assert (population.dau, population.mau) == (100e6, 400e6)


def test_monthly_users_can_be_set_beside_daily_ones() -> None:
    population = load(dau=100e6, mau=150e6).population

    assert (population.dau, population.mau) == (100e6, 150e6)


def test_a_figure_set_on_the_command_line_loses_its_range() -> None:
    growth = load(overrides=["population.growth_per_year=0.2"]).population.growth_per_year

    assert (growth, growth.low, growth.high) == (0.2, None, None)
    assert growth.source == "set on the command line"


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("activity.posting_share=20%", "activity.posting_share", 0.2),
        ("flows.like.steps.like_service.service_time=3ms", "", 0.003),
        ("flows.like.steps.2.service_time=3ms", "", 0.003),
        ("prices.egress.0.price=1", "prices.egress.0.price", 1),
        ("machines.small.memory=16GiB", "boxes.feed_reader.memory", 16 * 1024**3),
        ("boxes.feed_reader.memory=16GiB", "boxes.feed_reader.memory", 16 * 1024**3),
    ],
)
def test_any_assumption_can_be_set(override: str, key: str, value: float) -> None:
    assumptions = dict(load(overrides=[override]).assumptions())

    assert assumptions[key or "flows.like.steps.like_service.service_time"] == value


def test_what_is_no_quantity_can_be_set_too() -> None:
    scenario = load(
        overrides=[
            "fanout=hybrid",
            "boxes.feed_reader.workers=8",
            'flows.like.steps.likes_cache.after=["like_service"]',
        ]
    )

    assert scenario.fanout is Fanout.HYBRID
    assert scenario.boxes["feed_reader"].workers == 8
    assert scenario.flows["like"].steps[4].after == ("like_service",)


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("activity.posting_shares=1", "activity.posting_shares: unknown key (did you mean"),
        ("population.dau=500m", "population.dau: found '500m', expected a count"),
        ("population.dau=-5", "population.dau: found '-5', expected more than zero"),
        ("population.dau=0", "population.dau: found '0', expected more than zero"),
        ("population.dau=NaN", "population.dau: found 'NaN', expected a count"),
        ("population.dau=1e999", "population.dau: found '1e999', expected a finite number"),
        ("population.mau=1M", "population.mau: found 1M, expected at least dau, 500M"),
        ("feed.active_window=7", "feed.active_window: found '7', expected a duration with its"),
        ("population.regions.europe.share=50%", "population.regions: found shares that add up"),
        ("activity.posts.text.share=50%", "activity.posts: found text, image and video shares"),
        ("activity.followers.tail_exponent=2", "activity.followers.tail_exponent: found 2"),
        ("activity.followers.most=200", "activity.followers.most: found 200, expected at least"),
        ("population.regions.europe.utc_offset=20h", "utc_offset: found 20h, expected local"),
        ("population.hourly_load=[1, 2]", "population.hourly_load: found 2 numbers"),
        ("fanout=both", "fanout: found 'both', expected 'push', 'pull' or 'hybrid'"),
        ("objectives.target_utilisation=100%", "found '100%', expected less than 100%: a share"),
        ("caches.feed_popularity=3", "caches.feed_popularity: found '3', expected less than 2"),
        ("boxes.posts_db.disk=0B", "boxes.posts_db.disk: found '0B', expected more than zero"),
        ("failures.zones=0", "failures.zones: found 0, expected at least 1"),
        ("failures.zones=2.5", "failures.zones: found '2.5', expected a whole number"),
        ("failures.zones=true", "failures.zones: found 'true', expected a whole number"),
        ("boxes.cdn.machine=smal", "boxes.cdn.machine: found 'smal' (did you mean 'small'?)"),
        ("machines.small.workers=two", "machines.small.workers: found 'two'"),
        ("machines.small.cores=2", "machines.small.cores: unknown key"),
        ("boxes=3", "boxes: found 3, expected a table"),
        ("flows.like.steps=x", "flows.like.steps: found 'x', expected an array"),
        ("flows.like.steps.like_service.box=lik_service", "(did you mean 'like_service'?)"),
        ("flows.like.steps.like_service.after=like_servce", "(did you mean 'like_service'?)"),
        ("flows.like.steps.like_service.after=likes_cache", "found a cycle that never ends"),
        ("flows.like.steps.like_service.on=hit", "steps.like_service.on: found hit, expected to"),
        ("flows.read_feed.steps.feeds_db.of=likes_cache", "steps.feeds_db.of: found 'likes_cache'"),
        ("flows.read_feed.steps.cdn.of=likes_cache", "steps.cdn.of: found 'likes_cache' without"),
        ("flows.like.steps.likes_db.holds=message_queue", "steps.likes_db.holds: found 'message_q"),
        ("flows.like.steps.likes_db.retries=2", "steps.likes_db.retries: found 2 without timeout"),
        ("flows.like.steps.likes_db.mode=later", "steps.likes_db.mode: found 'later', expected"),
        ("flows.like.steps.likes_db.visits=0", "steps.likes_db.visits.of: found 0, expected more"),
        ("flows.like.steps.likes_db.visits=1.5x", "expected a plain number such as 1.5, or the na"),
        ("flows.like.steps.likes_db.bytes=NaN", "steps.likes_db.bytes: found 'NaN', expected a"),
        ("flows.like.steps.2.box=Like", "flows.like.steps.Like.box: found 'Like', expected a name"),
        ("flows.like.per_user=3", "flows.like: found both requests and per_user"),
        ("flows.like.visible_after=x", "flows.like.visible_after: found 'x', expected a step of"),
        ("flows.like.steps=[]", "flows.like.steps: found [], expected at least one"),
        ("objectives.p99.likes=1s", "objectives.p99.likes: found 'likes' (did you mean 'like'?)"),
        ("objectives.availability=99.999", "write 99.999% if 99.999 percent was meant"),
        ("prices.egress.1.up_to=1TB", "prices.egress.1.up_to: found 1TB, expected more than the"),
        ("prices.egress.6.up_to=1EB", "prices.egress.6.up_to: found 1EB, expected no up_to"),
        ('events=[{kind="quake"}]', "events.0: found kind 'quake', expected one of"),
        ('events=[{at="1h"}]', "events.0: found a table, expected a table with kind"),
        (
            'events=[{kind="region_outage", at="1h", lasts="1h", region="eurpe"}]',
            "events.0.region: found 'eurpe' (did you mean 'europe'?), expected a region",
        ),
        (
            'events=[{kind="cache_flush", at="1h", lasts="1h", box="posts_db"}]',
            "events.0.box: found 'posts_db', expected a cache",
        ),
        (
            'events=[{kind="flash_crowd", at="25h", lasts="1h", factor=2}]',
            "events.0.at: found 25h, expected a time of day, under 24h",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_was_expected(
    override: str, expected: str
) -> None:
    message = problem_with("news_feed", override)

    assert expected in message
    assert message.startswith("news_feed")


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("fanout", "expected section.key=value"),
        ("=3", "expected section.key=value"),
        ("population..dau=3", "expected section.key=value"),
        ("fanout.x=3", "found 'x' below a value, not a section"),
        ("prices.egress.9.price=3", "found '9', expected one of 0, 1, 2"),
        ("flows.like.steps.like_servce.scv=3", "(did you mean 'like_service'?), expected one of"),
        ("population.hourly_load=[1, ", "not a TOML value"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(override: str, reason: str) -> None:
    message = problem_with("news_feed", override)

    assert message.startswith(f"--set {override}: ")
    assert reason in message


def test_the_override_that_is_to_blame_is_named() -> None:
    message = problem_with("news_feed", "fanout=pull", "population.dau=500m")

    assert message.startswith("news_feed with --set population.dau=500m: ")


def test_all_problems_of_a_file_are_named_at_once() -> None:
    message = problem_with("news_feed", "fanout=both", "population.dau=0", "activity.likes=x")

    assert message.startswith("news_feed with --set fanout=both: 3 problems\n  fanout: ")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.toml", b"", "name: found nothing, expected a value: the key is missing"),
        ("binary.toml", bytes(range(256)), "not a TOML scenario"),
        ("latin1.toml", 'title = "café"'.encode("latin-1"), "not a TOML scenario: 'utf-8'"),
        ("twice.toml", b"name = 'a'\nname = 'b'\n", "Cannot overwrite a value"),
        ("deep.toml", b"a = " + b"[" * 100_000, "nested too deeply"),
        ("half.toml", b"name = ", "not a TOML scenario"),
        ("number.toml", b"name = " + b"9" * 5000, "number.toml"),
    ],
)
def test_a_file_that_is_no_scenario_is_named(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    message = problem_with(str(path))

    assert message.startswith(str(path))
    assert expected in message


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfextends = 'news_feed'\r\nname = 'windows'\r\n")

    assert load(str(path)).name == "windows"


@pytest.mark.parametrize("name", ["missing.toml", ".", "", "nul\0byte", "a" * 5000])
def test_what_cannot_be_read_is_named_with_the_library(name: str) -> None:
    message = problem_with(name)

    assert "expected a TOML file or a library name (celebrity, " in message


def test_a_misspelt_library_name_is_guessed() -> None:
    assert "(did you mean 'news_feed'?)" in problem_with("news_fed")


# extends -----------------------------------------------------------------------------------------


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path,
        """
        extends = "news_feed"
        name = "mine"
        [activity]
        likes = "10"
        [flows.like]
        steps = [{ box = "like_service", service_time = "2ms" }, { box = "cdn" }]
        """,
    )

    mine = load(path)

    assert mine.name == "mine"
    assert (mine.activity.likes, mine.activity.comments) == (10.0, 3.0)
    steps = mine.flows["like"].steps
    assert [step.name for step in steps[-2:]] == ["message_queue", "cdn"]
    assert steps[2].service_time == 0.002
    assert steps[2].doc == "2"


def test_a_new_figure_has_not_the_old_range(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path, 'extends = "news_feed"\n[activity]\nfollows = { value = 9, source = "mine" }'
    )

    follows = load(path).activity.follows

    assert (follows, follows.high, follows.source) == (9.0, None, "mine")


def test_false_takes_away_what_the_other_scenario_has(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path,
        """
        extends = "news_feed"
        [flows]
        unfollow = false
        [objectives.p99]
        unfollow = false
        """,
    )

    assert "unfollow" not in load(path).flows


def test_a_file_extends_another_beside_it(tmp_path: Path) -> None:
    write_scenario(tmp_path, 'extends = "news_feed"\nfanout = "pull"', "base.toml")
    path = write_scenario(tmp_path, 'extends = "base.toml"\nname = "mine"')

    assert load(path).fanout is Fanout.PULL


@pytest.mark.parametrize(
    "base", ["mine.toml", "./mine.toml", "other.toml", "../{folder}/mine.toml"]
)
def test_a_file_that_extends_itself_is_refused(tmp_path: Path, base: str) -> None:
    path = write_scenario(tmp_path, f'extends = "{base.format(folder=tmp_path.name)}"')
    write_scenario(tmp_path, 'extends = "mine.toml"', "other.toml")

    assert "extends: found a cycle" in problem_with(path)


@pytest.mark.parametrize("base", ["3", '"missing.toml"', '"nul\\u0000"', f'"{"a" * 5000}"', "[]"])
def test_a_file_that_extends_nothing_is_refused(tmp_path: Path, base: str) -> None:
    path = write_scenario(tmp_path, f"extends = {base}")

    assert "expected a" in problem_with(path)


def test_two_steps_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path,
        """
        extends = "news_feed"
        [flows.like]
        steps = [{ box = "like_service" }, { box = "like_service" }]
        """,
    )

    assert "flows.like.steps.like_service: found 2 steps of this name" in problem_with(path)


# The library -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", library_names())
def test_a_library_scenario_says_what_it_answers(name: str) -> None:
    scenario = load(name)

    assert scenario.name == name
    assert scenario.title
    assert scenario.description


@pytest.mark.parametrize("name", library_names())
def test_every_assumption_of_the_library_has_a_source(name: str) -> None:
    assert [key for key, assumption in load(name).assumptions() if not assumption.source] == []


def test_twitter_2013_has_the_figures_published() -> None:
    twitter = load("twitter_2013")
    dau, activity = twitter.population.dau, twitter.activity

    posts_per_day = dau * activity.posting_share * activity.posts_per_author
    assert posts_per_day == pytest.approx(400e6, rel=1e-4)
    assert posts_per_day * activity.followers.mean == pytest.approx(30e9, rel=1e-4)
    assert posts_per_day / 86_400 == pytest.approx(4_600, rel=0.01)
    pages_per_s = dau * activity.posts_read / activity.posts_per_page / 86_400
    assert pages_per_s == pytest.approx(300_000)


def test_work_that_grows_with_sleep_needs_to_know_how_fast() -> None:
    message = problem_with("startup", "boxes.api_gateway.cold_work=1ms")

    assert "boxes.api_gateway" in message
    assert "cold_work without cools_in, expected both" in message
    load(
        "startup",
        overrides=["boxes.api_gateway.cold_work=1ms", "boxes.api_gateway.cools_in=30ms"],
    )


def test_more_visits_than_can_be_played_are_refused() -> None:
    with pytest.raises(
        InvalidScenarioError, match=r"hydration\.visits\.of: found 1,000,000 visits"
    ):
        load(overrides=["flows.read_feed.steps.hydration.visits=1e6"])
