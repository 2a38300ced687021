"""What a server is told when it starts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from server.gateway.gateway import GatewaySettings
from server.limits import Limits
from server.services.feed_generator import FeedSettings
from server.services.upload_signer import UploadSettings

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where it keeps what, and how it runs.

    Attributes:
        data_folder: where the stores and the secrets are.
        gateway: what is let through.
        limits: how much at once.
        feeds: how feeds are made.
        uploads: what may be uploaded.
        token_lifetime_s: how long a token is good for.
        public_url: where clients find it, without a slash at the end; None for where it listens.
        access_log: takes one JSON line for each request; None for no log.
    """

    data_folder: Path
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    limits: Limits = field(default_factory=Limits)
    feeds: FeedSettings = field(default_factory=FeedSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    token_lifetime_s: float = 30 * DAY_S
    public_url: str | None = None
    access_log: Callable[[str], None] | None = None
