"""The part of `build_app` that picks the object storage: a folder, or an S3 endpoint."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from server.adapters.folder import STORAGE_NAME, folder_access_key
from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.gateway.storage.endpoint import STORAGE_PATH, StorageAccess, StorageEndpoint
from server.model.signatures import AccessKey
from server.ports.clock import Clock
from server.ports.object_storage import ObjectStorage
from server.ports.telemetry import Telemetry
from server.services.object_storage import ObjectReceiver
from server.services.storage_watch import StorageWatch
from server.services.upload_signer import UploadSigner
from server.settings import S3Settings, ServerSettings

BUCKET = "media"
REGION = "us-east-1"
PROBE_NAME_BYTES = 8

# Takes what follows up on uploads, and what is told of the box's time.
MakeEndpoint = Callable[[UploadSigner, Telemetry], StorageEndpoint]


@dataclass(frozen=True, slots=True)
class OpenStorage:
    """An object storage.

    Attributes:
        endpoint: makes what clients upload to; None if that is elsewhere.
        watch: knows whether what is elsewhere can be used; None if it is here.
    """

    storage: ObjectStorage
    endpoint: MakeEndpoint | None = None
    watch: StorageWatch | None = None

    def failure(self) -> str | None:
        """Return why it cannot be used; None while it can, as far as is known."""
        return self.watch.failure if self.watch else None


@asynccontextmanager
async def open_storage(
    settings: ServerSettings,
    *,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
) -> AsyncIterator[OpenStorage]:
    """Yield the object storage that the settings name.

    Raises:
        OSError: if the disk is full.
    """
    if settings.s3:
        # 0.7 s that only a server with an S3 endpoint has to spend.
        from server.adapters.storage.s3 import s3_storage  # noqa: PLC0415

        async with s3_storage(_s3_presigner(settings.s3, clock)) as storage:
            watch = StorageWatch(
                f"the object storage at {settings.s3.url} (bucket {settings.s3.bucket!r})",
                # Each start has a name of its own: servers that share a bucket do not meet.
                prove=partial(storage.prove, random_bytes(PROBE_NAME_BYTES).hex()),
                check=storage.check,
                tell=settings.tell,
            )
            yield OpenStorage(storage, watch=watch)
        return
    access_key = folder_access_key(settings.data_folder, random_bytes=random_bytes)
    presigner = Presigner(
        endpoint=STORAGE_PATH,
        bucket=BUCKET,
        access_key=access_key,
        region=REGION,
        clock=clock,
    )
    local = LocalStorage(settings.data_folder / STORAGE_NAME, presigner)
    try:
        yield OpenStorage(local, _endpoint_of(local, settings, access_key, clock))
    finally:
        local.close()


def _s3_presigner(settings: S3Settings, clock: Clock) -> Presigner:
    return Presigner(
        endpoint=settings.url,
        bucket=settings.bucket,
        access_key=settings.access_key,
        region=settings.region,
        clock=clock,
    )


def _endpoint_of(
    storage: LocalStorage, settings: ServerSettings, access_key: AccessKey, clock: Clock
) -> MakeEndpoint:
    def make(signer: UploadSigner, telemetry: Telemetry) -> StorageEndpoint:
        largest_bytes = max(settings.uploads.largest_bytes.values())
        return StorageEndpoint(
            access=StorageAccess(BUCKET, access_key, largest_bytes),
            storage=storage,
            receiver=ObjectReceiver(storage, signer),
            limits=settings.limits,
            clock=clock,
            telemetry=telemetry,
        )

    return make
