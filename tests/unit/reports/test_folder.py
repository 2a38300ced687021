"""The report's folder: whole or not at all, and other people's files stay."""

import dataclasses
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reports import folder
from reports.errors import NotFiniteError, ReportFolderError
from reports.folder import check_writable, render_again, write_report
from reports.tables import TABLE_NAMES
from sim.results.simulation import SimulationDocument
from tests.unit.reports.sample import simulation
from tests.unit.reports.variants import empty, hostile

ALL_FILES = {
    *("report.html", "report.md", "report.json"),
    *("assumptions.csv", "cost.csv", "day.csv", "estimates.csv", "fleet.csv", "flows.csv"),
    "sensitivity.csv",
}


def contents(directory: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


def with_seed(seed: int) -> SimulationDocument:
    """Return the document of another run."""
    document = simulation()
    return dataclasses.replace(document, run=dataclasses.replace(document.run, seed=seed))


@contextmanager
def failing_from(number: int, error: BaseException) -> Iterator[None]:
    """Let the writing of the file of this number, and of all after it, fail."""
    original = Path.write_bytes
    calls = iter(range(1_000))

    def write_bytes(self: Path, data: bytes) -> int:
        if next(calls) >= number:
            raise error
        return original(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        yield


def test_a_report_is_written_with_its_tables_and_pictures(tmp_path: Path) -> None:
    write_report(simulation(), tmp_path / "new" / "report")

    written = contents(tmp_path / "new" / "report")
    assert {name for name in written if "/" not in name} == ALL_FILES
    assert sum(name.startswith("charts/") for name in written) == 9
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report"]


@pytest.mark.parametrize("document", [simulation(), empty(), hostile()], ids=lambda _: "")
def test_rendering_again_gives_the_same_bytes(tmp_path: Path, document: SimulationDocument) -> None:
    write_report(document, tmp_path / "report")
    first = contents(tmp_path / "report")
    for file in (tmp_path / "report").iterdir():
        if file.is_file() and file.name != "report.json":
            file.unlink()

    page = render_again(tmp_path / "report")

    assert page == tmp_path / "report" / "report.html"
    assert contents(tmp_path / "report") == first


def test_a_later_run_replaces_an_earlier_one_and_leaves_other_files(tmp_path: Path) -> None:
    write_report(with_seed(1), tmp_path)
    tmp_path.joinpath("notes.txt").write_text("mine", encoding="utf-8")
    tmp_path.joinpath("charts", "mine.svg").write_text("mine too", encoding="utf-8")

    write_report(dataclasses.replace(empty(), run=with_seed(2).run), tmp_path)

    assert b'"seed": 2' in tmp_path.joinpath("report.json").read_bytes()
    assert tmp_path.joinpath("notes.txt").read_text(encoding="utf-8") == "mine"
    assert [file.name for file in tmp_path.joinpath("charts").iterdir()] == ["mine.svg"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("existing", [True, False])
def test_an_interrupted_write_changes_nothing(
    tmp_path: Path, error: BaseException, *, existing: bool
) -> None:
    if existing:
        write_report(with_seed(1), tmp_path / "report")
    before = contents(tmp_path)

    with failing_from(3, error), pytest.raises(type(error)):
        write_report(with_seed(2), tmp_path / "report")

    assert contents(tmp_path) == before
    assert list(tmp_path.iterdir()) == ([tmp_path / "report"] if existing else [])


def test_a_document_that_json_cannot_hold_changes_nothing(tmp_path: Path) -> None:
    document = simulation()
    run = dataclasses.replace(document.run, wall_s=float("nan"))

    with pytest.raises(NotFiniteError):
        write_report(dataclasses.replace(document, run=run), tmp_path / "report")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["new", "new/and/deeper", "."])
def test_checking_a_good_folder_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    check_writable(tmp_path / name)

    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_taken_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    check_writable(Path("new/report"))
    write_report(empty(), Path("new/report"))

    assert (tmp_path / "new" / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file", "it is not a folder"),
        ("file/below", "Not a directory"),
        ("a" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_is_told_before_the_run(
    tmp_path: Path, name: str, reason: str
) -> None:
    tmp_path.joinpath("file").touch()

    with pytest.raises(ReportFolderError, match=reason):
        check_writable(tmp_path / name)


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write anywhere")

    with pytest.raises(ReportFolderError, match="Permission denied"):
        check_writable(tmp_path / "report")


@pytest.mark.parametrize("name", ["report.md", "report.json", "cost.csv"])
def test_a_file_of_the_same_name_that_is_no_report_is_not_replaced(
    tmp_path: Path, name: str
) -> None:
    tmp_path.joinpath(name).write_text("mine", encoding="utf-8")

    with pytest.raises(ReportFolderError, match=f"it holds a {name} that is not a report's"):
        write_report(empty(), tmp_path)

    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_called_charts_is_not_replaced(tmp_path: Path) -> None:
    tmp_path.joinpath("charts").touch()

    with pytest.raises(ReportFolderError, match="it holds a charts"):
        check_writable(tmp_path)


def test_the_folders_tables_are_those_that_are_made() -> None:
    assert {f"{name}.csv" for name in TABLE_NAMES} < set(folder.OWN_FILES)
