"""How much the server takes at once, and how long it waits for a client."""

from dataclasses import dataclass


# Without slots, so that `Limits.streams` is the default, which the command line tells.
@dataclass(frozen=True)
class Limits:
    """Past these the server says that it is overloaded, or cuts a client off.

    Attributes:
        connections: open at once; None for `MOST_CONNECTIONS`, or fewer if the process may not
            open so many files.
        requests_at_once: requests in progress, streams not counted.
        streams: streams of notifications.
        uploads: in progress, into the embedded object storage.
        queued_events: events that wait in the message queue, measured once a second.
        body_bytes: of the largest body.
        client_s: what a client may take to send the headers of a request, to send its body, and
            to take a part of an answer.
        idle_s: how long a connection stays open without a request.
    """

    connections: int | None = None
    requests_at_once: int = 1_000
    streams: int = 5_000
    uploads: int = 200
    queued_events: int = 100_000
    body_bytes: int = 1_048_576
    client_s: float = 10.0
    idle_s: float = 60.0


MOST_CONNECTIONS = 10_000
