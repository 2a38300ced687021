"""A report's folder: written as a whole or not at all, and never at the cost of other files."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reports import loadtest, validation
from reports.charts import CHART_NAMES
from reports.document import DOCUMENT_NAME, AnyDocument, parse_any, read_any, to_json
from reports.errors import ReportFolderError
from sim.results.estimates import EstimateDocument

PAGE_NAME = "report.html"
MARKDOWN_NAME = "report.md"
_PICTURE_FOLDER = "charts"
_TABLE_NAMES = (
    *("estimates", "assumptions", "fleet", "flows", "day", "cost", "sensitivity"),
    *(name for name in loadtest.TABLE_NAMES if name != "flows"),
    *(name for name in validation.TABLE_NAMES if name != "objectives"),
)
_CHART_NAMES = (*CHART_NAMES, *loadtest.CHART_NAMES, *validation.CHART_NAMES)

OWN_FILES = (
    DOCUMENT_NAME,
    PAGE_NAME,
    MARKDOWN_NAME,
    *(f"{name}.csv" for name in _TABLE_NAMES),
    *(f"{_PICTURE_FOLDER}/{name}.svg" for name in _CHART_NAMES),
)
"""Every file that a report may have; of all files in its folder, only these are ever replaced."""

_ASIDE = ".socialfeed-"


@dataclass(frozen=True, slots=True)
class _Output:
    """What a command writes: its files, and the document that tells they are its own.

    Attributes:
        document: name of the JSON file that is always among them.
        keys: some keys of that document.
    """

    what: str
    files: tuple[str, ...]
    document: str
    keys: frozenset[str]


_REPORT = _Output(
    "report", OWN_FILES, DOCUMENT_NAME, frozenset({"format_version", "scenario", "reproduce"})
)
_ESTIMATES = _Output(
    "estimate",
    ("estimate.json", "estimate.csv"),
    "estimate.json",
    frozenset({"scenario", "estimates"}),
)


def check_writable(directory: Path, output: _Output = _REPORT) -> None:
    """Find out, before a long run, whether a report can be written there; leave nothing behind.

    Raises:
        ReportFolderError: if the folder cannot be made or written to, or if it holds a file of the
            same name as one of a report's, but no report.
    """
    with _told(directory):
        foreign = _foreign_file(directory, output)
        if foreign is not None:
            raise ReportFolderError(
                directory,
                reason=f"it holds a {foreign} that is not a {output.what}'s; expected a new "
                f"folder, an empty one, or one with an earlier {output.what}",
            )
        with tempfile.TemporaryDirectory(dir=_nearest(directory), prefix=_ASIDE):
            pass


def write_report(document: AnyDocument, directory: Path) -> None:
    """Write report.html, report.md, report.json, the CSV tables and the charts' pictures.

    All is written aside first and then renamed into place, so an interruption leaves the folder as
    it was. Other files in the folder stay.

    Raises:
        ReportFolderError: as `check_writable`.
        NotFiniteError: if a number in the document is infinite or not a number.
        OSError: if the disk is full, or fails.
    """
    check_writable(directory)
    _write(_rendered(document), directory, _REPORT)


def write_estimates(document: EstimateDocument, directory: Path) -> None:
    """Write estimate.json and estimate.csv, as `write_report` does a report.

    Raises:
        ReportFolderError, NotFiniteError, OSError: as `write_report`.
    """
    from reports.tables import estimate_table  # noqa: PLC0415 - pandas is slow to load

    check_writable(directory, _ESTIMATES)
    content = {
        "estimate.json": to_json(document).encode("utf-8", errors="replace"),
        "estimate.csv": estimate_table(document).encode(),
    }
    _write(content, directory, _ESTIMATES)


def _write(files: Mapping[str, bytes], directory: Path, output: _Output) -> None:
    aside = Path(tempfile.mkdtemp(dir=_nearest(directory), prefix=_ASIDE))
    try:
        staged = aside / output.what
        for name, content in files.items():
            file = staged / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if directory.is_dir():
            _replace_files(staged, directory, output)
        else:
            directory.parent.mkdir(parents=True, exist_ok=True)
            staged.rename(directory)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def render_again(directory: Path) -> Path:
    """Write a report again from the report.json in its folder alone, and return its page.

    Raises:
        DocumentError: if there is no such document, or it cannot be used.
        ReportFolderError, OSError: as `write_report`.
    """
    write_report(read_any(directory), directory)
    return directory / PAGE_NAME


def _rendered(document: AnyDocument) -> dict[str, bytes]:
    """Return the content of each file of the report.

    They are made from the document as it is read back, so that rendering them again from
    report.json gives the same bytes.
    """
    # Here, so that asking whether a folder can be written to does not load what draws charts.
    from reports.markdown import markdown  # noqa: PLC0415
    from reports.page import page  # noqa: PLC0415
    from reports.pictures import charts_of, picture  # noqa: PLC0415
    from reports.report import csv_tables, report_of  # noqa: PLC0415

    # What UTF-8 cannot hold, such as half a surrogate pair from a shell, becomes a question mark.
    content = to_json(document).encode("utf-8", errors="replace")
    read_back = parse_any(content, Path(DOCUMENT_NAME))
    pictures = {chart.name: picture(chart) for chart in charts_of(report_of(read_back).sections)}
    texts = {
        PAGE_NAME: page(read_back, pictures),
        MARKDOWN_NAME: markdown(read_back),
        **{f"{name}.csv": text for name, text in csv_tables(read_back).items()},
        **{f"{_PICTURE_FOLDER}/{name}.svg": svg for name, svg in pictures.items()},
    }
    return {DOCUMENT_NAME: content, **{name: text.encode() for name, text in texts.items()}}


def _replace_files(staged: Path, directory: Path, output: _Output) -> None:
    for name in output.files:
        new, old = staged / name, directory / name
        if new.exists():
            old.parent.mkdir(exist_ok=True)
            new.replace(old)
        else:
            old.unlink(missing_ok=True)


def _nearest(directory: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    above = directory.absolute()
    while not above.exists():
        above = above.parent
    return above


def _foreign_file(directory: Path, output: _Output) -> str | None:
    """Return one of the output's names that stands for something else here, if any does."""
    if not directory.is_dir() and (directory.exists() or directory.is_symlink()):
        raise ReportFolderError(directory, reason="it is not a folder; expected one, or a new name")
    pictures = directory / _PICTURE_FOLDER
    if pictures.exists() and not pictures.is_dir():
        return _PICTURE_FOLDER
    taken = [name for name in output.files if (directory / name).exists()]
    folders = [name for name in taken if not (directory / name).is_file()]
    if folders:
        return folders[0]
    return taken[0] if taken and not _holds_own(directory, output) else None


def _holds_own(directory: Path, output: _Output) -> bool:
    try:
        document = json.loads((directory / output.document).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() >= output.keys


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    """Turn what the system says of a folder into our own error."""
    try:
        yield
    except OSError as error:
        raise ReportFolderError(directory, reason=error.strerror or str(error)) from error
