"""What a server is told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from server.gateway.envelope import Logs
from server.gateway.gateway import GatewaySettings
from server.limits import Limits
from server.services.feed_generator import FeedSettings

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where it keeps what, and how it runs.

    Attributes:
        data_folder: where the stores and the secrets are.
        gateway: what is let through.
        limits: how much at once.
        feeds: how feeds are made.
        token_lifetime_s: how long a token is good for.
        logs: where lines about requests go.
    """

    data_folder: Path
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    limits: Limits = field(default_factory=Limits)
    feeds: FeedSettings = field(default_factory=FeedSettings)
    token_lifetime_s: float = 30 * DAY_S
    logs: Logs = field(default_factory=Logs)
