"""A data folder that is not as it should be: one message that names the file, and what to do."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.program import RunProgram
from tests.e2e.serving import serving

NO_DATABASE = b"no database" * 1_000


def refusal(run_socialfeed: RunProgram, command: str, folder: Path | str) -> str:
    """Return the one message that a command ends with."""
    done = run_socialfeed(*command.split(), "--data", str(folder))

    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["serve --port 0", "populate --users 10", "dead-letters list"])
def test_a_file_that_is_no_database_is_named(
    run_socialfeed: RunProgram, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "socialfeed.sqlite3"
    file.write_bytes(NO_DATABASE)

    message = refusal(run_socialfeed, command, tmp_path)

    assert message == f"Error: cannot use {file}: file is not a database\n"


@pytest.mark.parametrize("name", ["socialfeed.sqlite3", "feeds.sqlite3", "secret"])
def test_a_folder_in_a_file_s_place_is_named(
    run_socialfeed: RunProgram, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()

    message = refusal(run_socialfeed, "serve --port 0", tmp_path)

    assert message.startswith(f"Error: cannot use {tmp_path / name}: it is no file")


def test_a_broken_file_of_feeds_can_be_removed_and_is_built_again(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        post = server.post(author, "hello")
        server.stop()
    feeds = tmp_path / "feeds.sqlite3"
    feeds.write_bytes(NO_DATABASE)

    message = refusal(run_socialfeed, "serve --port 0", tmp_path)

    assert message.startswith(f"Error: cannot use {feeds}: file is not a database; remove it")
    feeds.unlink()
    with serving(program, tmp_path) as server:
        assert [item["postId"] for item in server.feed(reader)] == [post]


@pytest.mark.parametrize(
    ("bytes_and_mode", "reason"),
    [((0, 0o600), "it has 0 bytes, expected 32"), ((32, 0o644), "others may read")],
)
def test_a_secret_that_is_none_is_refused(
    run_socialfeed: RunProgram, tmp_path: Path, bytes_and_mode: tuple[int, int], reason: str
) -> None:
    secret = tmp_path / "secret"
    size, mode = bytes_and_mode
    secret.write_bytes(b"x" * size)
    secret.chmod(mode)

    message = refusal(run_socialfeed, "serve --port 0", tmp_path)

    assert message.startswith(f"Error: cannot use {secret}: {reason}")


def test_a_link_to_nothing_is_told_from_a_file(run_socialfeed: RunProgram, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")

    assert "it is a link to nothing" in refusal(run_socialfeed, "serve --port 0", link)


@pytest.mark.parametrize("command", ["serve --port 0", "populate --users 10", "dead-letters list"])
def test_no_folder_is_not_the_current_one(
    run_socialfeed: RunProgram, tmp_path: Path, command: str
) -> None:
    done = run_socialfeed(*command.split(), "--data", "")

    assert done.returncode == 2
    assert "Invalid value for '--data': expected a folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_server_goes_on_with_a_copy_of_its_folder(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        ada = server.sign_up("ada")
        server.stop()
    shutil.copytree(tmp_path / "data", tmp_path / "copy")

    with serving(program, tmp_path / "copy") as server:
        path = f"/v1/users/{ada.user_id}"
        assert server.send("GET", path, token=ada.token).json["name"] == "ada"
