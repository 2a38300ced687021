"""What can go wrong between a result and its report.

ReportError
├── DocumentError             a report.json that cannot be used
│   ├── DocumentMissingError  not there, or not readable
│   ├── DocumentSyntaxError   not JSON
│   ├── DocumentShapeError    JSON, but not the document of a simulation
│   └── NewerDocumentError    written by a later version of socialfeed
├── ReportFolderError         a folder that no report can be written to
└── NotFiniteError            a result that JSON cannot hold
"""

from pathlib import Path


class ReportError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class DocumentError(ReportError):
    """A document that cannot be used; `file` is where it was looked for."""

    def __init__(self, file: Path, message: str) -> None:
        self.file = file
        super().__init__(f"{file}: {message}")


class DocumentMissingError(DocumentError):
    """No file there, or one that cannot be read."""

    def __init__(self, file: Path, *, reason: str) -> None:
        super().__init__(
            file, f"{reason}; expected the report.json of `simulate --out`, or the folder it is in"
        )


class DocumentSyntaxError(DocumentError):
    """A file that is not JSON."""

    def __init__(self, file: Path, *, reason: str) -> None:
        super().__init__(file, f"not a JSON document: {reason}")


class DocumentShapeError(DocumentError):
    """JSON that is not the document of a simulation: which key, what was found and expected."""

    def __init__(self, file: Path, *, key: str, found: str, expected: str) -> None:
        self.key = key
        super().__init__(file, f"{key}: found {found}, expected {expected}")


class NewerDocumentError(DocumentError):
    """A document in a format that this version does not know yet."""

    def __init__(self, file: Path, *, found: int, known: int) -> None:
        super().__init__(
            file,
            f"format_version: found {found}, expected at most {known}; "
            "it was written by a later socialfeed, which can read it",
        )


class ReportFolderError(ReportError):
    """A folder that no report can be written to."""

    def __init__(self, folder: Path, *, reason: str) -> None:
        self.folder = folder
        super().__init__(f"cannot write a report to {folder}: {reason}")


class NotFiniteError(ReportError):
    """A result that is no finite number, where None should have said "not known"."""

    def __init__(self, *, key: str, value: float) -> None:
        self.key = key
        super().__init__(f"{key}: found {value}, expected a finite number or None")
