"""What a server tells of itself: `Server-Timing` of an answer, `/metrics` of all its work."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

CALLS = "socialfeed_box_duration_seconds_count"
BUSY_S = "socialfeed_box_duration_seconds_sum"
CPU_S = "socialfeed_box_cpu_seconds_total"
DELIVERED = "socialfeed_freshness_seconds_count"
"""Events whose effects are done."""
JOBS = "socialfeed_commit_jobs_total"
COMMIT_CPU_S = "socialfeed_commit_cpu_seconds_total"
"""Of the threads that commit."""


@dataclass(frozen=True, slots=True)
class BoxTime:
    """One call of a box, as `Server-Timing` has it.

    Attributes:
        duration_s: from its start to its end, with the boxes inside it and all waiting.
        cpu_s: of the event loop's thread for this box alone; None if the server does not meter.
    """

    box: str
    duration_s: float
    cpu_s: float | None

    def at_speed(self, speed: float) -> "BoxTime":
        """Return it as on a machine of speed 1."""
        cpu_s = None if self.cpu_s is None else self.cpu_s * speed
        return BoxTime(self.box, self.duration_s * speed, cpu_s)


def server_timing(header: str) -> tuple[BoxTime, ...]:
    """Return the calls of a `Server-Timing` header, in its order; what has no duration is left out.

    Source: W3C, Server Timing (durations are milliseconds; `cpu` is a parameter of ours).
    """
    times = []
    for metric in header.split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        values = dict(each.split("=", 1) for each in parameters if "=" in each)
        if name and "dur" in values:
            cpu_s = float(values["cpu"]) / 1000 if "cpu" in values else None
            times.append(BoxTime(name, float(values["dur"]) / 1000, cpu_s))
    return tuple(times)


@dataclass(frozen=True, slots=True)
class Metrics:
    """A scrape of `/metrics`, or the difference of two.

    Attributes:
        values: by metric and box.
    """

    values: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of(self, metric: str, box: str) -> float:
        """Return the value of a box; 0 if there is none."""
        return self.values.get((metric, box), 0.0)

    def by_box(self, metric: str) -> Mapping[str, float]:
        """Return the value of each box that has the metric."""
        return {box: value for (name, box), value in self.values.items() if name == metric}

    def at_speed(self, speed: float) -> "Metrics":
        """Return them with the CPU seconds that a machine of speed 1 would have used."""
        return Metrics(
            {
                (name, box): value * speed if name in _CPU else value
                for (name, box), value in self.values.items()
            }
        )

    def since(self, earlier: "Metrics") -> "Metrics":
        """Return how much each counter has risen."""
        return Metrics(
            {key: value - earlier.values.get(key, 0.0) for key, value in self.values.items()}
        )


_CPU = {CPU_S, COMMIT_CPU_S}
_SAMPLE = re.compile(r'^(\w+)\{box="([^"]+)"\} (\S+)$')


def metrics(text: str) -> Metrics:
    """Return the metrics that have a box as their only label, of a text in Prometheus' format."""
    found = (_SAMPLE.match(line) for line in text.splitlines())
    return Metrics({(match[1], match[2]): float(match[3]) for match in found if match})
