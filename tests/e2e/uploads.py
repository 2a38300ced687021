"""Uploads as a client makes them, with pictures to upload."""

import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from tests.e2e.serving import Person, Reply, Serving

RENDITIONS = "media/r/"


def picture(
    width: int = 64, height: int = 48, *, kind: str = "JPEG", side: int | None = None
) -> bytes:
    """Return a picture; `side` is the EXIF orientation that it is to be shown in."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    exif = Image.Exif()
    if side:
        exif[0x0112] = side
    into = BytesIO()
    image.save(into, kind, exif=exif)
    return into.getvalue()


@dataclass(frozen=True)
class Upload:
    """What the server has signed."""

    url: str
    method: str
    headers: Mapping[str, str]
    media_url: str

    def put(self, data: bytes, *, url: str | None = None, **headers: str) -> Reply:
        """Put bytes there as any HTTP client does; other headers in place of those told."""
        parts = urlsplit(url or self.url)
        sent = {**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        try:
            connection.request(self.method, f"{parts.path}?{parts.query}", data, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()


def signed(
    server: Serving, owner: Person, *, size_bytes: int, content_type: str = "image/jpeg"
) -> Upload:
    """Have an upload signed."""
    body = {"userId": owner.user_id, "contentType": content_type, "sizeBytes": size_bytes}
    reply = server.send("POST", "/v1/media/uploads", body, token=owner.token)
    assert reply.status == 201, reply.body
    told = reply.json
    return Upload(told["uploadUrl"], told["method"], told["headers"], told["mediaUrl"])


def uploaded(
    server: Serving, owner: Person, data: bytes | None = None, *, content_type: str = "image/jpeg"
) -> str:
    """Upload something; returns its media URL."""
    data = picture() if data is None else data
    upload = signed(server, owner, size_bytes=len(data), content_type=content_type)
    reply = upload.put(data)
    assert reply.status == 200, reply.body
    return upload.media_url


def post_media(server: Serving, author: Person, media_url: str) -> Reply:
    """Make a media post."""
    body = {"userId": author.user_id, "mediaUrl": media_url}
    return server.send("POST", "/v1/posts", body, token=author.token)


def s3_code(reply: Reply) -> str:
    """Return the code of S3's error document."""
    assert reply.headers["Content-Type"] == "application/xml"
    found = re.search(rb"<Error><Code>(\w+)</Code>", reply.body)
    assert found, reply.body
    return found[1].decode()


def path_of(url: str) -> str:
    return urlsplit(url).path


def settled(server: Serving, post: dict[str, Any], owner: Person) -> dict[str, Any]:
    """Wait until the media of a post is ready or has failed; returns the post."""
    give_up_s = time.monotonic() + 40
    while time.monotonic() < give_up_s:
        reply = server.send("GET", f"/v1/posts/{post['postId']}", token=owner.token)
        shown: dict[str, Any] = reply.json
        if shown["media"]["state"] != "stored":
            return shown
        time.sleep(0.05)
    raise AssertionError(post)


def shown(
    server: Serving, owner: Person, data: bytes, content_type: str = "image/png"
) -> dict[str, Any]:
    """Upload, post and wait; returns the post."""
    posted = post_media(server, owner, uploaded(server, owner, data, content_type=content_type))
    assert posted.status == 201, posted.body
    return settled(server, posted.json, owner)


def get(server: Serving, post: dict[str, Any], query: str = "", **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.send("GET", path_of(post["mediaUrl"]) + query, headers=sent)


def size(tmp_path: Path, reply: Reply) -> tuple[int, int]:
    assert reply.status == 200
    (tmp_path / "got").write_bytes(reply.body)
    with Image.open(tmp_path / "got") as image:
        assert image.format is not None
        assert reply.headers["Content-Type"] == f"image/{image.format.lower()}"
        return image.size


def objects(folder: Path) -> set[str]:
    """Return what uploads have put into the object storage, unfinished ones included."""
    storage = folder / "storage"
    kept = {str(path.relative_to(storage)) for path in storage.rglob("*") if path.is_file()}
    # Renditions of what was uploaded before are made meanwhile.
    return {name for name in kept if not name.startswith(RENDITIONS)}
