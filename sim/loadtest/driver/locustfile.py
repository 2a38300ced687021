"""What Locust runs: the messages between its processes, and its users.

One process alone runs the whole plan. In a distributed run the master hands each worker its stripe
and passes on what the workers tell; either writes lines of JSON to the pipe that the parent reads.
"""

import json
import os
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from locust import User, events, runners, task
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from sim.loadtest.driver.shift import Shift
from sim.loadtest.plan import Plan
from sim.loadtest.tied import tie_to

_ALONE = "alone"
"""In place of a worker's name, of a process that runs the whole plan."""

_PLAN, _STOP, _TOLD = "socialfeed-plan", "socialfeed-stop", "socialfeed-told"

REPORT_S = 1.0
"""How often workers report to the master."""


class Crew:
    """What one process does of a run.

    Attributes:
        shift: the stripe that this process sends, once it has one.
    """

    def __init__(self, environment: Environment, *, pipe: int, plan: Plan | None) -> None:
        self._environment = environment
        self._pipe = pipe
        self._plan = plan
        self._outbox: list[tuple[str, dict[str, object]]] = []
        self._pending: dict[str, int] = {}
        self._is_stopped = False
        self.shift: Shift | None = None

    @property
    def runner(self) -> Any:  # noqa: ANN401 - Locust's runners have no common type with messages
        """Locust's runner of this process."""
        return self._environment.runner

    def begin(self, **_: object) -> None:
        """Hand out the stripes, or start at once if this process is alone."""
        if isinstance(self.runner, MasterRunner):
            clients = list(self.runner.clients)
            self._pending = {client: index for index, client in enumerate(clients)}
            assert self._plan is not None  # noqa: S101 - a master has read it
            for client, index in self._pending.items():
                stripe = self._plan.stripe(index, of=len(clients)).packed()
                self.runner.send_message(_PLAN, {"plan": stripe}, client_id=client)
            gevent.spawn(self._watch_workers)
        elif isinstance(self.runner, LocalRunner):
            assert self._plan is not None  # noqa: S101 - likewise
            self._pending = {_ALONE: 0}
            self._start(self._plan)

    def _watch_workers(self) -> None:
        """Tell of workers that are gone before they have told everything."""
        while self._pending:
            gevent.sleep(REPORT_S)
            there = {client.id for client in self.runner.clients.all} - {
                client.id for client in self.runner.clients.missing
            }
            for client in self._pending.keys() - there:
                self._write(self._pending[client], "lost", {})
                self._note_end(client)

    def _note_end(self, client: str) -> None:
        if self._pending.pop(client, None) is not None and not self._pending:
            gevent.spawn(self._quit)

    def take_stripe(self, environment: Environment, msg: Any, **_: object) -> None:  # noqa: ANN401, ARG002 - Locust's own signature
        """Take the stripe that the master has sent."""
        self._start(Plan.unpacked(msg.data["plan"]))

    def _start(self, plan: Plan) -> None:
        index = self.runner.worker_index
        self.shift = Shift(plan, self._environment, self._tell, index=index)
        if self._is_stopped:
            self.shift.stop()
        gevent.spawn(self._run_shift, self.shift)

    def _run_shift(self, shift: Shift) -> None:
        shift.run()
        self._tell("end", {})

    def _tell(self, kind: str, content: dict[str, object]) -> None:
        if not isinstance(self.runner, WorkerRunner):
            self._write(0, kind, content)
            if kind == "end":
                self._note_end(_ALONE)
        elif kind == "interval":
            self._outbox.append((kind, content))
        else:
            self.runner.send_message(_TOLD, {"kind": kind, "content": content, **self._reported()})

    def _reported(self) -> dict[str, object]:
        outbox, self._outbox = self._outbox, []
        return {"index": self.runner.worker_index, "intervals": [text for _, text in outbox]}

    def report_to_master(self, data: dict[str, object], **_: object) -> None:
        """Put the intervals that are cut into the worker's report."""
        data["socialfeed"] = self._reported()

    def worker_report(self, data: dict[str, Any], **_: object) -> None:
        """Pass on the intervals in a worker's report."""
        self._pass_on(data.get("socialfeed", {}))

    def told(self, environment: Environment, msg: Any, **_: object) -> None:  # noqa: ANN401, ARG002 - Locust's own signature
        """Pass on what a worker has told."""
        self._pass_on(msg.data)
        self._write(msg.data["index"], msg.data["kind"], msg.data["content"])
        if msg.data["kind"] == "end":
            self._note_end(msg.node_id)

    def _pass_on(self, report: dict[str, Any]) -> None:
        for interval in report.get("intervals", ()):
            self._write(report["index"], "interval", interval)

    def _write(self, worker: int, kind: str, content: dict[str, object]) -> None:
        line = json.dumps({"kind": kind, "worker": worker, **content}).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._pipe, line) :]
        except BrokenPipeError:
            # Nobody is left to tell.
            os._exit(1)

    def _quit(self) -> None:
        # Errors are in our own report: Locust's exit code is not to tell of them too.
        self._environment.process_exit_code = 0
        self._write_locust_totals()
        self.runner.quit()
        if self._environment.web_ui:
            self._environment.web_ui.stop()

    def _write_locust_totals(self) -> None:
        # The last statistics of workers are on their way.
        gevent.sleep(REPORT_S + 0.5 if isinstance(self.runner, MasterRunner) else 0)
        entries = self._environment.stats.entries.values()
        totals = {
            entry.name: [
                entry.num_requests,
                entry.num_failures,
                entry.get_response_time_percentile(0.5) / 1000,
                entry.get_response_time_percentile(0.99) / 1000,
            ]
            for entry in entries
        }
        self._write(0, "locust", {"flows": totals})

    def stop(self) -> None:
        """Have all processes send nothing more, and tell what they have."""
        self._is_stopped = True
        if isinstance(self.runner, MasterRunner):
            self.runner.send_message(_STOP)
        elif self.shift is not None:
            self.shift.stop()

    def stop_by_master(self, environment: Environment, msg: Any, **_: object) -> None:  # noqa: ANN401, ARG002 - Locust's own signature
        """Stop because the master says so."""
        self.stop()


class OpenUser(User):
    """Holds a place: the schedule is sent beside it."""

    @task
    def wait(self) -> None:
        """Let the schedule run."""
        gevent.sleep(REPORT_S)


class ClosedUser(User):
    """Asks again some time after each answer, as the schedule's requests come, not when."""

    @task
    def act(self) -> None:
        """Think, then ask."""
        crew = _crews[self.environment]
        if crew.shift is None or not crew.shift.is_sending:
            gevent.sleep(REPORT_S)
        else:
            crew.shift.act_once()


# Of no use is a generator without the one that Locust has forked it from.
_loaded_in = os.getpid()
os.register_at_fork(after_in_child=lambda: tie_to(_loaded_in, by=signal.SIGKILL))

_crews: WeakKeyDictionary[Environment, Crew] = WeakKeyDictionary()


@events.init_command_line_parser.add_listener
def add_options(parser: ArgumentParser, **_: object) -> None:
    """Take the plan and the pipe from the parent."""
    parser.add_argument("--socialfeed-plan", default="")
    parser.add_argument("--socialfeed-pipe", type=int, default=-1)


@events.init.add_listener
def prepare(environment: Environment, runner: Any, **_: object) -> None:  # noqa: ANN401 - see `Crew.runner`
    """Set up this process for its part of the run."""
    runners.WORKER_REPORT_INTERVAL = REPORT_S
    options = environment.parsed_options
    assert options is not None  # noqa: S101 - Locust's program has parsed them
    is_worker = isinstance(runner, WorkerRunner)
    plan = None if is_worker else Plan.unpacked(Path(options.socialfeed_plan).read_bytes())
    crew = Crew(environment, pipe=options.socialfeed_pipe, plan=plan)
    _crews[environment] = crew
    if is_worker:
        runner.register_message(_PLAN, crew.take_stripe)
        runner.register_message(_STOP, crew.stop_by_master)
        environment.events.report_to_master.add_listener(crew.report_to_master)
        return
    environment.events.test_start.add_listener(crew.begin)
    gevent.signal_handler(signal.SIGUSR1, crew.stop)
    if isinstance(runner, MasterRunner):
        runner.register_message(_TOLD, crew.told)
        environment.events.worker_report.add_listener(crew.worker_report)
