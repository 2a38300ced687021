"""The server against its own OpenAPI document, by a fuzzer that knows nothing else of it."""

import http.client
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.e2e.serving import serving
from tests.e2e.uploads import uploaded

CHECKS = (
    "not_a_server_error,status_code_conformance,"
    "content_type_conformance,response_schema_conformance"
)


def test_the_document_is_valid_openapi_3_1(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        document = server.send("GET", "/openapi.json").json
        page = server.send("GET", "/docs").body.decode()

    OpenAPIV31SpecValidator(document).validate()
    assert all(path in page for path in document["paths"] if path.startswith("/v1"))


def test_the_document_tells_how_media_is_read(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        document = server.send("GET", "/openapi.json").json
        media_url = uploaded(server, server.sign_up("ada"))
        [path] = [path for path in document["paths"] if path.startswith("/media/")]
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        reply = server.send("GET", urlsplit(media_url).path)

    media = document["paths"][path]["get"]
    assert re.fullmatch(pattern, urlsplit(media_url).path)
    assert {each["name"] for each in media["parameters"]} >= {"w", "Range", "If-None-Match"}
    assert {"200", "206", "304", "404", "412", "416", "422"} <= set(media["responses"])
    told = media["responses"]["200"]
    assert reply.headers["Content-Type"] in told["content"]
    assert set(told["headers"]) - {"Age", "Vary"} <= set(reply.headers)


def test_an_answer_to_head_is_that_to_get_without_its_body(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        ada = server.sign_up("ada")
        post = f"/v1/posts/{server.post(ada, 'text of ada')}"
        user, feed = f"/v1/users/{ada.user_id}", f"/v1/feeds/{ada.user_id}"
        lists = [feed, f"{user}/posts", f"{post}/comments", f"/v1/notifications/{ada.user_id}"]
        others = ["/", "/livez", "/openapi.json", "/v1/posts/1", "/nowhere"]
        headers = {"Authorization": f"Bearer {ada.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        with closing(connection):
            # The feed is soon in memory, where another way leads to it.
            for path in [user, post, *lists, *others, feed, feed, feed]:
                told = {}
                for method in ("HEAD", "GET"):
                    # A body after the first would be read as the second's beginning.
                    connection.request(method, path, headers=headers)
                    response = connection.getresponse()
                    told[method] = response.status, response.headers["Content-Length"]
                    assert bool(response.read()) == (method == "GET")
                assert told["HEAD"] == told["GET"], path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_answer_is_undocumented(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--open") as server:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"http://127.0.0.1:{server.port}/openapi.json",
                f"--checks={CHECKS}",
                "--max-examples=20",
                "--seed=1",
                "--exclude-path-regex=stream$",
                "--phases=examples,coverage,fuzzing,stateful",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
