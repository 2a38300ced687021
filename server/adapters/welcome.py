"""Whom somebody new is shown first: a file of the data folder that its operator may write."""

import json
from collections.abc import Sequence
from pathlib import Path

from server.errors import DataFolderError

NAME = "welcome.json"


def welcome(folder: Path) -> Sequence[int]:
    """Return the ids of a folder's file; none without a file.

    Raises:
        DataFolderError: if the file is not a list of ids.
    """
    path = folder / NAME
    if not path.exists():
        return ()
    try:
        return [int(text) for text in json.loads(path.read_bytes())]
    except (ValueError, TypeError) as error:
        raise DataFolderError(
            folder=folder, reason=f'{NAME} is no list of ids, such as ["17", "18"]'
        ) from error


def write_welcome(folder: Path, user_ids: Sequence[int]) -> None:
    """Write a folder's file."""
    text = json.dumps([str(user_id) for user_id in user_ids], indent=1)
    (folder / NAME).write_text(text, encoding="utf-8")
