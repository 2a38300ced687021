"""What a server is told when it starts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from server.gateway.envelope import Logs
from server.gateway.gateway import GatewaySettings
from server.limits import Limits
from server.model.signatures import AccessKey
from server.services.cdn import CdnSettings
from server.services.feed_generator import FeedSettings
from server.services.upload_signer import UploadSettings

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket at an S3 endpoint, which this server and its clients both reach.

    Attributes:
        url: of the endpoint, without a slash at the end.
        bucket: that exists.
        access_key: that may put, read, list and delete objects in it.
        region: that requests are signed for.
    """

    url: str
    bucket: str
    access_key: AccessKey
    region: str


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """A small world that a new data folder is filled with.

    Attributes:
        password: of everybody in it.
        seed: of who likes what, and when.
        progress: is told the steps done and in all.
    """

    password: str
    seed: int = 1
    progress: Callable[[int, int], None] = lambda _done, _total: None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where it keeps what, and how it runs.

    Attributes:
        data_folder: where the stores and the secrets are.
        gateway: what is let through.
        limits: how much at once.
        feeds: how feeds are made.
        uploads: what may be uploaded.
        cdn: how much of it the edge caches.
        s3: where uploads go; None for the object storage in the data folder.
        token_lifetime_s: how long a token is good for.
        logs: where lines about requests go.
        public_url: where clients find it, without a slash at the end; None for where it listens.
        demo: the world to fill a new folder with; None to leave the folder as it is.
        tell: is told what whoever runs the server should know of.
    """

    data_folder: Path
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    limits: Limits = field(default_factory=Limits)
    feeds: FeedSettings = field(default_factory=FeedSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    cdn: CdnSettings = field(default_factory=CdnSettings)
    s3: S3Settings | None = None
    token_lifetime_s: float = 30 * DAY_S
    logs: Logs = field(default_factory=Logs)
    public_url: str | None = None
    demo: DemoSettings | None = None
    tell: Callable[[str], None] = lambda _: None
