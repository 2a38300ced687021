"""Which keys objects can have."""

import pytest

from server.model.keys import is_key


@pytest.mark.parametrize("text", ["a", "u/7/a-b_c.jpg", "r/x/poster/1.webp", "-", "a" * 200])
def test_letters_digits_and_some_signs_are_a_key(text: str) -> None:
    assert is_key(text)


@pytest.mark.parametrize(
    "text", ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".a", "a b", "a%2Fb", "ä", "a\n", "٣"]
)
def test_what_a_url_or_a_folder_could_take_for_something_else_is_none(text: str) -> None:
    assert not is_key(text)


@pytest.mark.parametrize("text", ["a" * 201, "r/" + "a" * 300, "a/" * 300 + "a"])
def test_what_no_file_can_be_named_is_none(text: str) -> None:
    assert not is_key(text)
