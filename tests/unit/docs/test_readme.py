"""README.md: what it tells a reader to type works, and prints what stands below it."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("socialfeed")


def blocks(language: str) -> list[str]:
    """Content of the code blocks in that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


# The commands in order, each with the lines that the README shows of what it prints.
EXAMPLES = [
    # What a shell does with the output is not tested.
    (command.partition(" > ")[0].split()[1:], output.splitlines())
    for block in blocks("console")
    for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE)
]
CHEAP = [example for example in EXAMPLES if example[0][0] in {"estimate", "scenarios"}]
SIMULATIONS = [words for words, _ in EXAMPLES if words[0] == "simulate"]
REPORTS = [words for words, _ in EXAMPLES if words[0] == "report"]
LOADTESTS = [words for words, _ in EXAMPLES if words[0] == "loadtest"]
SERVERS = [words for words, _ in EXAMPLES if words[0] == "serve"]


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `socialfeed` with these arguments beside the files that the README tells to write."""
    for file in blocks("toml"):
        name = file.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(file, encoding="utf-8")
    return subprocess.run(
        [PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=False
    )


def out_of(words: list[str]) -> str:
    """Folder that a command writes to; empty if none."""
    return words[words.index("--out") + 1] if "--out" in words else ""


def test_each_kind_of_example_is_found() -> None:
    assert len(EXAMPLES) == len(re.findall(r"^\$ ", README, flags=re.MULTILINE))
    assert len(EXAMPLES) == sum(map(len, (CHEAP, SIMULATIONS, REPORTS, LOADTESTS, SERVERS)))
    assert CHEAP
    assert SIMULATIONS
    assert REPORTS
    assert LOADTESTS
    assert SERVERS


@pytest.mark.parametrize(("words", "shown"), CHEAP, ids=" ".join)
def test_a_cheap_example_prints_what_the_readme_shows(
    words: list[str], shown: list[str], tmp_path: Path
) -> None:
    done = run(words, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    # Columns are as wide as their widest cell, and the README shows only some rows.
    printed = " ".join(done.stdout.split())
    assert [line for line in shown if " ".join(line.split()) not in printed] == []


@pytest.mark.parametrize("words", SIMULATIONS, ids=" ".join)
def test_what_an_example_simulates_can_be_estimated(words: list[str], tmp_path: Path) -> None:
    done = run(["estimate", *(word for word in words[1:] if word != "--check")], tmp_path)

    wrote = f"Wrote estimate.json and estimate.csv to {out_of(words)}\n" if out_of(words) else ""
    assert (done.returncode, done.stderr) == (0, wrote)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_first_simulation_works_and_the_examples_of_reports_work_on_it(
    tmp_path: Path,
) -> None:
    simulated = run(SIMULATIONS[0], tmp_path)
    first, *others = filter(None, map(out_of, SIMULATIONS))
    # The other simulations would take as long each: their folders are copies of the first one's.
    for other in others:
        shutil.copytree(tmp_path / first, tmp_path / other)
    done = [simulated, *(run(words, tmp_path) for words in REPORTS)]

    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * len(done)
    assert (tmp_path / first / "report.html").stat().st_size > 0


@pytest.mark.parametrize("words", LOADTESTS, ids=" ".join)
def test_the_load_test_of_an_example_would_be_run(words: list[str], tmp_path: Path) -> None:
    # Against nobody: all that it is told is taken before the target is missed.
    done = run([*words, "--host", "http://127.0.0.1:1"], tmp_path)

    assert done.returncode == 5
    assert done.stderr.startswith("Error: http://127.0.0.1:1: no answer")


# A demo draws its pictures before it is ready: that it gets ready is shown in test_serve_demo.py.
@pytest.mark.parametrize("words", SERVERS, ids=" ".join)
def test_the_server_of_an_example_starts(words: list[str], tmp_path: Path) -> None:
    # On a free port, since what else runs on this machine is not the README's business.
    with subprocess.Popen(
        [PROGRAM, *words, "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        begins = server.stderr.readline()
        server.send_signal(signal.SIGTERM)

    assert begins.startswith("filling") if "--demo" in words else "is ready at http://" in begins
