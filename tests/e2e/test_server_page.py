"""How the page at `/` is served: what a browser is told of it, without a browser."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, serving

PAGE = Path(__file__).parents[2] / "server" / "gateway" / "page"
FILES = sorted(path.name for path in PAGE.iterdir() if path.name != "index.html")
SCRIPTS = [path for path in PAGE.iterdir() if path.suffix == ".js"]
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with nobody on it."""
    with serving(program, tmp_path_factory.mktemp("page") / "data") as started:
        yield started


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and whether scripts or styles stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of_the_page() -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed((PAGE / "index.html").read_text(encoding="utf-8"))
    return parser.tags


def test_the_page_is_html_under_a_policy_that_names_all_it_may_do(server: Serving) -> None:
    reply = server.send("GET", "/")

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in reply.headers["Content-Security-Policy"].split(";")
    )
    own = f"http://127.0.0.1:{server.port}"
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["img-src"] == policy["media-src"] == f"'self' blob: {own}"
    assert policy["connect-src"] == f"'self' {own}"
    for nothing in ("base-uri", "form-action", "frame-ancestors", "trusted-types"):
        assert policy[nothing] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"


def test_the_page_has_the_limits_of_the_calls(server: Serving) -> None:
    parser = Tags()
    parser.feed(server.send("GET", "/").body.decode())
    limits = {
        attributes["name"]: attributes.get("maxlength")
        for tag, attributes in parser.tags
        if tag in {"input", "textarea"} and "name" in attributes
    }
    schemas = server.send("GET", "/openapi.json").json["components"]["schemas"]

    def most(schema: str, field: str) -> str:
        told = schemas[schema]["properties"][field]
        texts = [told, *told.get("anyOf", [])]
        return str(next(text["maxLength"] for text in texts if "maxLength" in text))

    assert limits["name"] == most("NewUser", "name")
    assert limits["text"] == most("NewPost", "text")
    assert limits["comment"] == most("NewComment", "comment")
    assert "$" not in str(parser.tags)


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_has_its_type_and_is_not_sent_twice(
    server: Serving, name: str
) -> None:
    reply = server.send("GET", f"/page/{name}")
    etag = reply.headers["ETag"]
    again = server.send("GET", f"/page/{name}", headers={"If-None-Match": f'"other", {etag}'})
    changed = server.send("GET", f"/page/{name}", headers={"If-None-Match": '"other"'})

    assert reply.headers["Content-Type"] == TYPES[Path(name).suffix]
    assert reply.headers["Cache-Control"] == "no-cache"
    assert reply.body == (PAGE / name).read_bytes()
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == etag
    assert (changed.status, changed.body) == (200, reply.body)


def test_the_page_and_nothing_else_asks_for_the_hint_that_picks_renditions(
    server: Serving,
) -> None:
    assert server.send("GET", "/").headers["Accept-CH"] == "ECT"
    assert "Accept-CH" not in server.send("GET", "/page/main.js").headers


def test_another_name_of_this_machine_leads_to_the_one_that_uploads_are_signed_for(
    server: Serving,
) -> None:
    reply = server.send("GET", "/", headers={"Host": f"localhost:{server.port}"})

    assert reply.status == 307
    assert reply.headers["Location"] == f"http://127.0.0.1:{server.port}/"


@pytest.mark.parametrize("host", ["feed.example", "localhost:1", "[", "127.0.0.1.feed.example"])
def test_what_a_client_calls_the_server_is_nowhere_in_the_answer(
    server: Serving, host: str
) -> None:
    reply = server.send("GET", "/", headers={"Host": host})

    assert reply.status in {200, 400}
    assert host not in " ".join(reply.headers.values())


def test_a_file_that_is_not_of_the_page_is_not_found(server: Serving) -> None:
    for path in ("/page/", "/page/missing.js", "/page/../gateway.py", "/page/%2e%2e/gateway.py"):
        assert server.send("GET", path).status == 404


def test_nobody_is_recommended_where_the_operator_names_nobody(server: Serving) -> None:
    assert server.send("GET", "/page/welcome.json").json == {"userIds": []}


def test_nothing_in_the_page_is_script_or_style_of_its_own() -> None:
    for tag, attributes in tags_of_the_page():
        assert tag != "style"
        assert tag != "script" or attributes["src"]
        assert not any(name == "style" or name.startswith("on") for name in attributes)


def test_the_page_and_its_scripts_refer_to_files_that_are_there() -> None:
    named = [
        address
        for _, attributes in tags_of_the_page()
        for address in (attributes.get("src"), attributes.get("href"))
        if address and address.startswith("/page/")
    ]
    imported = [
        f"/page/{name}"
        for script in SCRIPTS
        for name in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8"))
    ]

    assert {address.removeprefix("/page/") for address in (*named, *imported)} <= set(FILES)
    assert "/page/main.js" in named


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text_or_names_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    hosts = re.findall(r"https?://[\w.-]+", text)
    assert set(hosts) <= {"http://www.w3.org"}  # the name space of SVG
