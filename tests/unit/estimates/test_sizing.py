"""The least fleet: each box meets its bounds at the peak with a region lost, and only just."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scenarios.loader import load
from scenarios.model import Scenario
from scenarios.population import HOURS
from scenarios.quantities import HOUR_S
from sim.estimates.book import open_sheet
from sim.estimates.sheet import Sheet
from sim.estimates.sizing import BoxFleet, load_share, sized_fleet
from sim.estimates.workload import BoxLoad, workload
from sim.theory.erlang import erlang_c
from sim.theory.gigc import gigc_waiting_time_s

TOWN = str(Path(__file__).parent / "round_town.toml")
LIBRARY = ["news_feed", "startup", "celebrity", "region_outage", "flash_crowd", "twitter_2013"]


def fleet_of(scenario: Scenario, box: str, region: str) -> BoxFleet:
    return sized_fleet(open_sheet(scenario)).of(box, region)


@pytest.mark.parametrize(
    ("box", "region", "instances", "limited_by"),
    [
        # 2 MB/s at 1.25 times the mean, over half of 1 MB/s.
        ("edge", "east", 5, "bandwidth"),
        ("edge", "west", 5, "bandwidth"),
        # 16.4 busy workers at 1.25 times, over half of 8 an instance: 5.1, and one spare.
        ("web", "east", 7, "workers"),
        ("web", "west", 7, "workers"),
        # 25.2 GB on disks of 1 GB, three quarters of it here.
        ("db", "east", 19, "disk"),
        # 1.94 busy workers, of which each may be 20 % busy if nobody is to wait over a quarter of
        # a service time.
        ("db", "west", 10, "waiting"),
        # 238 MB in memories of 20 MB, three quarters of it here, and one spare.
        ("cache", "east", 10, "memory"),
        ("cache", "west", 4, "memory"),
        ("queue", "east", 1, "waiting"),
    ],
)
def test_a_fleet_is_what_paper_gives(
    box: str, region: str, instances: int, limited_by: str
) -> None:
    fleet = fleet_of(load(TOWN), box, region)

    assert (fleet.instances, fleet.limited_by) == (instances, limited_by)


def test_utilisation_is_told_with_all_regions_up_and_with_one_lost() -> None:
    fleet = fleet_of(load(TOWN), "web", "east")

    assert fleet.peak_utilisation == pytest.approx(16.4 * 0.75 * 1.5 / 56)
    assert fleet.utilisation_region_lost == pytest.approx(16.4 * 1.25 / 56)


@pytest.mark.parametrize("spare", [0, 1, 3])
def test_spares_come_on_top(spare: int) -> None:
    scenario = load(TOWN, overrides=[f"boxes.web.spare={spare}"])

    assert fleet_of(scenario, "web", "east").instances == 6 + spare


def test_a_single_region_carries_its_own_peak_alone(tmp_path: Path) -> None:
    alone = tmp_path / "alone.toml"
    alone.write_text(
        f'extends = "{TOWN}"\n'
        '[population.regions]\nwest = false\neast = { share = "100%", utc_offset = "0h" }\n'
    )

    fleet = fleet_of(load(str(alone)), "web", "east")

    # 16.4 busy workers at 1.5 times the mean, over half of 8 an instance: 6.15, and one spare.
    assert fleet.instances == 8
    assert fleet.utilisation_region_lost == fleet.peak_utilisation == pytest.approx(24.6 / 64)


def test_the_wait_of_the_least_fleet_is_erlangs() -> None:
    fleet = fleet_of(load(TOWN), "web", "east")
    busy_workers = fleet.utilisation_region_lost * fleet.workers

    waiting_share = erlang_c(workers=8, offered_load_erlangs=busy_workers) / (8 - busy_workers)

    assert waiting_share < 0.25


def peak_region_lost(scenario: Scenario, region: str) -> float:
    """Busiest hour of a region, another region's users shared out by population."""
    regions, factor = scenario.population.regions, scenario.population.load_factor
    busiest = 0.0
    for hour in range(HOURS):
        loads = {
            name: each.share * factor(name, time_s=hour * HOUR_S) for name, each in regions.items()
        }
        taken_over = [
            loads[lost] * regions[region].share / (1 - regions[lost].share)
            for lost in regions
            if lost != region
        ]
        busiest = max(busiest, loads[region] + max(taken_over, default=0.0))
    return busiest


@dataclass(frozen=True, slots=True)
class Demand:
    """What a region's peak asks of one box."""

    scenario: Scenario
    fleet: BoxFleet
    load: BoxLoad
    held_bytes: float
    peak: float

    def broken_bounds(self, instances: int) -> set[str]:
        """Return the bounds that a fleet of so many instances would not keep."""
        if instances == 0:
            return {"no instance"}
        box = self.scenario.boxes[self.fleet.box]
        target = self.scenario.objectives.target_utilisation
        sent = self.load.bytes_per_s * self.peak
        room = box.memory if box.kind == "cache" or box.disk is None else box.disk
        broken = {
            "workers": self.utilisation(instances) > target * (1 + 1e-6),
            "waiting": self.waits_too_long(instances),
            "bandwidth": sent > instances * box.bandwidth * target * (1 + 1e-6),
            "storage": self.held_bytes > instances * room * (1 + 1e-6),
        }
        return {bound for bound, is_broken in broken.items() if is_broken}

    def utilisation(self, instances: int) -> float:
        return self.load.offered_load_erlangs * self.peak / (instances * self.fleet.workers)

    def waits_too_long(self, instances: int) -> bool:
        workers, utilisation = self.fleet.workers, self.utilisation(instances)
        if utilisation >= 1:
            return True
        waiting_share = gigc_waiting_time_s(
            arrival_rate_per_s=utilisation * workers,
            mean_service_time_s=1.0,
            workers=workers,
            arrival_scv=1.0,
            service_scv=max(0.0, self.load.service_scv),
        )
        return waiting_share > self.scenario.objectives.waiting_share * (1 + 1e-4)


def held_bytes(scenario: Scenario, sheet: Sheet, fleet: BoxFleet) -> float:
    """Return the bytes that a box keeps in a region."""
    box = scenario.boxes[fleet.box]
    if not box.holds:
        return 0.0
    regions = scenario.population.regions
    everywhere = sheet.named(box.holds, key="") * box.copies * regions[fleet.region].share
    in_memory = box.kind == "cache" or box.disk is None
    return everywhere * (1 if in_memory else min(scenario.storage.region_copies, len(regions)))


def demands(scenario: Scenario) -> Iterator[Demand]:
    sheet = open_sheet(scenario)
    loads, peaks = sheet.once(workload).boxes, {}
    for region in scenario.population.regions:
        peaks[region] = peak_region_lost(scenario, region)
    for fleet in sized_fleet(sheet).boxes:
        yield Demand(
            scenario=scenario,
            fleet=fleet,
            load=loads[fleet.box],
            held_bytes=held_bytes(scenario, sheet, fleet),
            peak=peaks[fleet.region],
        )


@pytest.mark.parametrize("name", [*LIBRARY, TOWN])
def test_one_instance_fewer_would_break_a_bound(name: str) -> None:
    for demand in demands(load(name)):
        needed = demand.fleet.instances - demand.scenario.boxes[demand.fleet.box].spare
        assert not demand.broken_bounds(needed), demand
        assert demand.broken_bounds(needed - 1), demand


@pytest.mark.parametrize("name", LIBRARY)
def test_users_of_a_lost_region_are_served_by_the_others(name: str) -> None:
    scenario = load(name)
    sheet, regions = open_sheet(scenario), scenario.population.regions
    for hour in range(HOURS):
        all_up = sum(load_share(sheet, region, hour=hour, lost=None) for region in regions)
        for lost in regions:
            if len(regions) > 1:
                others = [region for region in regions if region != lost]
                carried = sum(load_share(sheet, region, hour=hour, lost=lost) for region in others)
                assert carried == pytest.approx(all_up)


def test_instances_are_whole_and_at_least_one() -> None:
    for fleet in sized_fleet(open_sheet(load("news_feed", dau=1, mau=1))).boxes:
        assert fleet.instances >= 1
        assert math.isfinite(fleet.peak_utilisation)
