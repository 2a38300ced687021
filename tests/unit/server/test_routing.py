"""The router of plain paths."""

import pytest

from server.gateway.routing import Router


@pytest.fixture
def router() -> Router[str]:
    router: Router[str] = Router()
    router.add("GET", "/v1/feeds/{userId}", "feed")
    router.add("GET", "/v1/users/{userId}/posts", "posts of a user")
    router.add("GET", "/v1/posts/{postId}/likes", "likes")
    router.add("POST", "/v1/posts", "create")
    router.add_rest("GET", "/media/{key}", "media")
    return router


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/feeds/12", ("feed", {"userId": "12"})),
        ("GET", "/v1/users/7/posts", ("posts of a user", {"userId": "7"})),
        ("GET", "/v1/posts/7/likes", ("likes", {"postId": "7"})),
        ("POST", "/v1/posts", ("create", {})),
        ("GET", "/media/u/7/a.jpg", ("media", {"key": "u/7/a.jpg"})),
        ("GET", "/media/../v1//posts", ("media", {"key": "../v1//posts"})),
    ],
)
def test_a_plain_path_is_found_with_its_parameters(
    router: Router[str], method: str, path: str, expected: tuple[str, dict[str, str]]
) -> None:
    found = router.find(method, path)

    assert found is not None
    assert (found[0].target, found[1]) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/feeds/12"),
        ("GET", "/v1/feeds"),
        ("GET", "/v1/feeds/12/"),
        ("GET", "/v1/feeds/1%32"),
        ("GET", "/v2/feeds/12"),
        ("GET", "http://127.0.0.1/v1/feeds/12"),
        ("GET", ""),
        ("GET", "*"),
        ("HEAD", "/media/u/7/a.jpg"),
        ("GET", "/media"),
        ("GET", "/media/u/%37/a.jpg"),
        ("GET", "x/media/u/7/a.jpg"),
    ],
)
def test_every_other_path_is_left_to_aiohttp(router: Router[str], method: str, path: str) -> None:
    assert router.find(method, path) is None
