"""A calibration, and observations of a server, small enough to work out by hand."""

import datetime as dt

from scenarios.calibration import (
    Bin,
    BoxService,
    Calibration,
    Clips,
    FlowVisits,
    Load,
    Machine,
    Service,
    Versions,
)
from sim.calibration.attribution import Observation, Paths
from sim.calibration.sampler import Sample
from sim.calibration.telling import (
    BUSY_S,
    CALLS,
    COMMIT_CPU_S,
    CPU_S,
    DELIVERED,
    JOBS,
    BoxTime,
    Metrics,
)
from sim.calibration.threads import ThreadTimes

PATHS = Paths(
    stores=frozenset({"posts_db"}),
    commits=frozenset({"disk"}),
    written={"like": ["posts_db"], "media_post": ["posts_db"] * 3},
    files=frozenset({"object_storage"}),
)


def calibration() -> Calibration:
    """Return a calibration that has measured the feed reader and the core."""
    reader = Service(mean_s=0.0006, scv=0.25, interval_s=(0.0005, 0.0007), samples=40)
    return Calibration(
        format_version=2,
        measured_at=dt.datetime(2026, 11, 22, 23, 41, tzinfo=dt.UTC),
        scenario="one_machine",
        users=2000,
        machine=Machine(
            cpu='2 x "Some" CPU', cores=2, server_cores=1, kernel="6.1", yardstick_s=0.008
        ),
        versions=Versions(socialfeed="0.1.0", python="3.11", sqlite="3.40", aiohttp="3.13"),
        loads=(
            Load(
                offered_per_s=15.0,
                requests=300,
                cpu_s_per_request=0.004,
                core_utilisation=0.1,
                played_utilisation=0.11,
                speed=1.0,
                used_for="waiting",
            ),
            Load(
                offered_per_s=100.0,
                requests=2000,
                cpu_s_per_request=0.003,
                core_utilisation=0.4,
                played_utilisation=0.38,
                speed=0.9,
                used_for="service",
            ),
        ),
        boxes={
            "feed_reader": BoxService(
                mean_s=0.0005,
                scv=0.3,
                interval_s=(0.00045, 0.00055),
                samples=50,
                histogram=(Bin(up_to_s=0.0005, visits=30), Bin(up_to_s=0.001, visits=20)),
                flows={"read_feed": reader},
            )
        },
        flows={
            "read_feed": FlowVisits(
                samples=40, visited={"feed_reader": 1.0, "feeds_db": 0.05, "users_db": 0.0}
            )
        },
        clips=Clips(start_s=0.9, per_second_s=0.6, lengths_s=(1.0, 5.0), used_s=(1.5, 3.9)),
        wake_up_s={"core": 0.0004},
        wake_up_work_s={"core": 0.0001},
        cold_work_s={"core": 0.0021},
        cools_in_s={"core": 0.03},
        warm_share=0.8,
    )


def observation() -> Observation:
    """Return ten requests: five reads that were sampled, and five that were not.

    Of the loop's 20 ms, 12 ms were charged to boxes and 4 ms to nobody; 4 ms were not metered.
    The ten requests read ten times from a store, and a consumer five times, on 10 ms of threads; of
    these 2 ms went into the five commits of its ten jobs.
    """
    read = Sample(
        "read_feed",
        0.004,
        (
            BoxTime("posts_db", 0.001, 0.0001),
            BoxTime("feed_reader", 0.002, 0.0005),
            BoxTime("api_gateway", 0.003, 0.0004),
        ),
    )
    return Observation(
        metrics=Metrics(
            {
                (CALLS, "api_gateway"): 10,
                (CALLS, "posts_db"): 25,
                (CALLS, "disk"): 5,
                (BUSY_S, "disk"): 0.012,
                (JOBS, "disk"): 10,
                (COMMIT_CPU_S, "disk"): 0.002,
                (DELIVERED, "notification_service"): 12,
                (CALLS, "notification_service"): 5,
                (BUSY_S, "notification_service"): 0.05,
                (CPU_S, "api_gateway"): 0.004,
                (CPU_S, "feed_reader"): 0.005,
                (CPU_S, "posts_db"): 0.002,
                (CPU_S, "notification_service"): 0.001,
                (CPU_S, "event_loop"): 0.004,
            }
        ),
        cpu=ThreadTimes(main_s=0.020, others_s=0.010),
        samples=(read,) * 5,
        requests={"read_feed": 5.0},
    )
