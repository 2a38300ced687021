"""`socialfeed loadtest`, run as its users run it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from scenarios.loader import load
from sim.loadtest.bench import LoadSpec, bench_on
from sim.loadtest.crew import Staffing
from sim.loadtest.histograms import quantile_s
from sim.loadtest.traffic import scenario_traffic
from tests.e2e.load import SMALL, flow, loadtest, toy_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_locusts_own_statistics_agree() -> None:
    scenario = load()
    with toy_server() as url:
        bench = bench_on(url, scenario, users=40, seed=1, staffing=Staffing(processes=2))
        spec = LoadSpec(scenario_traffic(scenario).at(200), 3.0, 0.5, seed=1)
        measurement = bench.measure(bench.plan(spec))

    assert set(measurement.locust) == set(measurement.flow_names())
    for name, (requests, failures, median_s, _) in measurement.locust.items():
        ours = measurement.flow(name)
        assert (requests, failures) == (ours.answered + ours.failed, ours.failed)
        # Locust rounds to two digits, and takes another one of the values in the middle.
        if requests > _MANY:
            assert median_s == pytest.approx(quantile_s(ours.response, 0.5), rel=0.1, abs=0.002)
    # Both generators had their part.
    assert {report.worker for report in measurement.reports} == {0, 1}


_MANY = 100


def test_locusts_page_shows_the_run(program: Path) -> None:
    with toy_server() as url:
        command = [str(program), "loadtest", "--host", url, *SMALL]
        command += ["--rate", "60", "--duration", "8s"]
        with subprocess.Popen(
            [*command, "--web", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stderr is not None
            page = run.stderr.readline().rpartition(" ")[2].strip()
            shown = _shown_flows(page)
            stdout, _ = run.communicate(timeout=60)

    assert "read_feed" in shown
    assert flow(json.loads(stdout), "read_feed")["errors"] == 0


def test_progress_is_told_on_a_terminal(program: Path) -> None:
    ours, theirs = os.openpty()
    with toy_server() as url:
        command = [str(program), "loadtest", "--host", url, *SMALL]
        command += ["--rate", "60", "--duration", "4s", "--json"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as run:
            os.close(theirs)
            shown = b""
            # A terminal that nobody holds any more cannot be read.
            with contextlib.suppress(OSError):
                while part := os.read(ours, 10_000):
                    shown += part
            run.wait(timeout=60)
    os.close(ours)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    for figure in ("posting", "of 4 s", "offered", "achieved", "errors", "p99", "freshness"):
        assert figure in text


def _shown_flows(page: str) -> set[str]:
    for _ in range(100):
        time.sleep(0.2)
        try:
            with urllib.request.urlopen(f"{page}/stats/requests", timeout=2) as answer:  # noqa: S310
                names = {row["name"] for row in json.load(answer)["stats"]}
        except OSError:
            continue
        if "read_feed" in names:
            return names
    return set()


def test_two_workers_join_a_master_at_another_address(program: Path) -> None:
    port = _free_port("127.0.0.2")
    command = [str(program), "loadtest", "--worker", f"127.0.0.2:{port}"]
    with (
        toy_server() as url,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as one,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as other,
    ):
        code, document = loadtest(
            program,
            *("--host", url, *SMALL, "--rate", "100", "--duration", "2s"),
            *("--master", "--listen", f"127.0.0.2:{port}", "--processes", "2"),
        )
        worker_codes = [each.wait(timeout=30) for each in (one, other)]

    assert document["invalid_because"] == []
    assert (code, worker_codes) == (0, [0, 0])
    assert document["achieved_per_s"] == pytest.approx(document["offered_per_s"], rel=0.05)


def _free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        return int(listener.getsockname()[1])


def test_a_server_that_dies_is_told_and_the_results_are_kept(program: Path) -> None:
    with toy_server("--die-at", "100") as url:
        code, document = loadtest(
            program, "--host", url, *SMALL, "--rate", "100", "--duration", "20s"
        )

    assert code == 5
    assert document["target_lost_s"] < 10
    assert flow(document, "read_feed")["p50_s"] is not None
    assert any("stopped answering" in finding["text"] for finding in document["findings"])


def test_a_whole_test_with_a_server_of_its_own(program: Path, tmp_path: Path) -> None:
    code, document = loadtest(
        program,
        *("--world", "200", "--rate", "40", "--duration", "4s", "--warmup", "1s"),
        *("--out", str(tmp_path / "test")),
    )

    # A machine that others use too may not keep the time; nothing else makes it invalid.
    assert all("after it was due" in reason for reason in document["invalid_because"])
    assert code in {0, 4}
    # Each second of the measured time has its row, and none of the warm-up.
    assert [row["at_s"] for row in document["timeline"]] == pytest.approx([2, 3, 4, 5], abs=0.3)
    assert document["setup"]["server_cores"] != document["setup"]["generator_cores"]
    assert document["offered_per_s"] == pytest.approx(40, rel=0.3)
    assert document["pages"]["wrong"] == 0
    assert sum(row["errors"] for row in document["flows"]) == 0
    assert document["freshness"]["posts"] + document["freshness"]["lost"] > 0
    assert document["breakpoint"] is None
    written = {file.name for file in (tmp_path / "test").iterdir()}
    assert {"report.html", "report.md", "report.json", "flows.csv", "timeline.csv"} <= written
    again = subprocess.run([program, "report", str(tmp_path / "test")], check=False)
    assert again.returncode == 0


def test_ctrl_c_reports_what_was_measured(program: Path) -> None:
    with (
        toy_server() as url,
        subprocess.Popen(
            [program, "loadtest", "--host", url, *SMALL, "--rate", "50", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as run,
    ):
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        while run.poll() is None and not children.read_text().split():
            time.sleep(0.1)
        generator = Path("/proc") / children.read_text().split()[0]
        time.sleep(5)
        run.send_signal(signal.SIGINT)
        stdout, stderr = run.communicate(timeout=40)

    assert run.returncode == 130
    assert "Traceback" not in stderr
    document = json.loads(stdout)
    assert document["run"]["interrupted"]
    assert flow(document, "read_feed")["requests"] > 0
    assert not generator.exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--host", "ftp://127.0.0.1"), 2, "its scheme http or https"),
        (("--host", "127.0.0.1:8080"), 2, "expected a URL such as http://127.0.0.1:8080"),
        (("--host", "http://127.0.0.1:1/v1"), 2, "without a path"),
        (("--host", "http://127.0.0.1:1"), 5, "expected a socialfeed server that is ready"),
        (("--duration", "0s"), 2, "expected more than zero"),
        (("--duration", "60"), 2, "60s (seconds)"),
        (("--rate", "0"), 2, "expected a plain number of requests a second"),
        (("--rate", "2K"), 2, "expected a plain number of requests a second"),
        (("--rate", "1e6", "--duration", "1h"), 2, "expected at most 20,000,000"),
        (("--users", "0"), 2, "expected at least one"),
        (("--users", "1B"), 2, "at most 100,000"),
        (("--world", "1"), 2, "expected at least 2 users"),
        (("--world", "1B"), 2, "at most 1,000,000"),
        (("--processes", "500"), 2, "the cores of this machine"),
        (("--find-max", "--users", "5"), 2, "--find-max takes neither"),
        (("--users", "5", "--shape", "day"), 2, "--users takes no --shape day"),
        (("--listen", "127.0.0.1"), 2, "--listen needs --master"),
        (("--worker", "127.0.0.1:x"), 2, "expected an address"),
        (("--out", "/dev/null/report"), 2, "cannot write a report"),
    ],
)
def test_bad_input_is_named_before_anything_runs(
    program: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    found, document = loadtest(program, *options)

    assert found == code
    assert told in " ".join(document["error"].split())
    assert "Traceback" not in document["error"]


def test_a_master_s_port_that_is_taken_is_told_before_anything_runs(program: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = f"127.0.0.1:{listener.getsockname()[1]}"
        code, document = loadtest(program, "--master", "--listen", taken)

    assert code == 2
    assert f"--listen: found {taken}" in document["error"]
    assert len(document["error"].splitlines()) <= 3


def test_something_else_than_a_socialfeed_server_is_told(program: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        _wait_for(port)
        code, document = loadtest(program, "--host", f"http://127.0.0.1:{port}")
        other.kill()

    assert code == 5
    assert "not a socialfeed server" in document["error"]


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def test_a_server_that_is_not_ready_is_told(program: Path) -> None:
    with toy_server("--ready", "503") as url:
        code, document = loadtest(program, "--host", url)

    assert code == 5
    assert "not ready" in document["error"]
