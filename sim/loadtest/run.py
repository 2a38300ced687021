"""One run: a plan sent to a target, measured to its end."""

import time
from collections.abc import Callable, Sequence

from sim.loadtest.cores import cpu_s
from sim.loadtest.crew import Crew, Message, Staffing, running_crew
from sim.loadtest.measurement import CpuSample, Measurement, Report
from sim.loadtest.plan import REQUEST_TIMEOUT_S, Plan

CPU_EVERY_S = 1.0
START_S = 60.0
"""Within which generators on this machine begin to report."""
_GRACE_S = 60.0
"""Longer than canaries are waited for, and evidence takes to be told."""

Watch = Callable[[Measurement], bool]


def measured(
    plan: Plan,
    staffing: Staffing,
    *,
    server_process: int | None = None,
    watch: Watch = lambda _: True,
) -> Measurement:
    """Send a plan and return what was measured.

    Args:
        plan: what is sent.
        staffing: which processes send it.
        server_process: whose CPU time is sampled; None if the server is not ours.
        watch: called several times a second; returns False to end the run early. What was measured
            until then is returned, as it is after an interruption (Ctrl-C); a second one ends all,
            as the first does while nothing is measured yet.

    Raises:
        GeneratorError: if the generators do not start, or end before they have told anything.
    """
    measurement = Measurement(
        plan.settings,
        time.monotonic(),
        planned=plan.measured_requests(),
        generators=staffing.processes,
    )
    with running_crew(plan, staffing) as crew:
        run = _Run(crew, measurement, _CpuSampler(crew, server_process, measurement), watch)
        try:
            run.listen(is_waiting=staffing.master is not None)
        except KeyboardInterrupt:
            if not measurement.measured_s:
                raise
            measurement.interrupted = True
            run.end_early()
            run.listen()
        if not measurement.reports and not measurement.interrupted:
            raise crew.failure()
    return measurement


class _Run:
    """Listens to the generators until they have told everything, or time is up."""

    def __init__(
        self, crew: Crew, measurement: Measurement, sampler: "_CpuSampler", watch: Watch
    ) -> None:
        self._crew = crew
        self._measurement = measurement
        self._sampler = sampler
        self._watch = watch
        self._deadline_s = time.monotonic() + START_S
        self._is_ending = False

    def listen(self, *, is_waiting: bool = False) -> None:
        """Take messages to the end; generators elsewhere may let wait for themselves."""
        if is_waiting:
            self._deadline_s = float("inf")
        while not self._measurement.ended and time.monotonic() < self._deadline_s:
            try:
                message = self._crew.message(timeout_s=CPU_EVERY_S / 4)
            except EOFError:
                return
            if message is not None:
                self._take(message)
            self._sampler.sample()
            if not self._is_ending and not self._watch(self._measurement):
                self.end_early()

    def end_early(self) -> None:
        """Have the generators send nothing more."""
        self._is_ending = True
        self._deadline_s = time.monotonic() + REQUEST_TIMEOUT_S + _GRACE_S
        self._crew.stop()

    def _take(self, message: Message) -> None:
        measurement = self._measurement
        match message["kind"]:
            case "interval":
                if not measurement.reports:
                    measurement.begun_s = time.monotonic() - message["to_s"]
                    self._deadline_s = time.monotonic() + measurement.settings.end_s + _GRACE_S
                measurement.reports.append(Report(message["worker"], message))
            case "evidence":
                measurement.evidence.append(message)
                sent_until_s = measurement.sent_until_s or 0.0
                measurement.sent_until_s = max(sent_until_s, message["sent_until_s"])
            case "lost":
                measurement.lost_generators.append(message["worker"])
                self.end_early()
            case "locust":
                measurement.locust = message["flows"]
                measurement.ended = True
            case _:
                pass


class _CpuSampler:
    """Notes about once a second how busy server and generators were since the last time."""

    def __init__(self, crew: Crew, server_process: int | None, measurement: Measurement) -> None:
        self._generator = [crew.process.pid]
        self._server = [] if server_process is None else [server_process]
        self._measurement = measurement
        self._at_s = time.monotonic()
        self._used = self._now()

    def _now(self) -> Sequence[float | None]:
        return cpu_s(self._server), cpu_s(self._generator)

    def sample(self) -> None:
        now_s = time.monotonic()
        span_s = now_s - self._at_s
        if span_s < CPU_EVERY_S:
            return
        now = self._now()
        server, generator = (
            None if used is None or was is None else (used - was) / span_s
            for used, was in zip(now, self._used, strict=True)
        )
        if generator is not None:
            self._measurement.cpu.append(CpuSample(now_s, server, generator))
        self._used, self._at_s = now, now_s
