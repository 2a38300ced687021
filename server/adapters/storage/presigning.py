"""Pre-signed URLs of a bucket, path-style."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from server.model.signatures import (
    UNSIGNED_PAYLOAD,
    AccessKey,
    Scope,
    SignedRequest,
    amz_date,
    presigned_query,
)
from server.ports.clock import Clock
from server.ports.object_storage import PresignedPut

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs uploads to a bucket.

    Attributes:
        endpoint: the URL that the bucket is below, which clients must reach; or its path on this
            server.
        bucket: its name.
        access_key: that may put objects there.
        region: of the bucket.
        clock: of the signatures.
    """

    endpoint: str
    bucket: str
    access_key: AccessKey
    region: str
    clock: Clock

    def put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int, site_url: str
    ) -> PresignedPut:
        """Return a PUT of exactly so many bytes of that type, if there is no such object yet.

        The length is signed as well as the headers that are told; every client sends it by itself.
        """
        now_ms = self.clock.now_ms()
        date = amz_date(now_ms)
        endpoint = urljoin(site_url, self.endpoint)
        told = {"Content-Type": content_type, "If-None-Match": "*"}
        signed = {name.lower(): value for name, value in told.items()}
        signed |= {"content-length": str(size_bytes), "host": _host(endpoint)}
        path = f"{urlsplit(endpoint).path}/{self.bucket}/{key}"
        query = presigned_query(
            SignedRequest("PUT", path, (), signed, UNSIGNED_PAYLOAD),
            key=self.access_key,
            scope=Scope(date[:8], self.region),
            date=date,
            expires_s=expires_s,
        )
        url = f"{endpoint}/{self.bucket}/{key}?{query}"
        # The signature counts from the whole second.
        return PresignedPut(url, told, expires_at_ms=now_ms // 1000 * 1000 + expires_s * 1000)


def _host(url: str) -> str:
    """Return the header `Host` that clients send."""
    parts = urlsplit(url)
    if parts.port and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return parts.netloc.rpartition(":")[0]
    return parts.netloc
