"""The part of `build_app` that picks the object storage: a folder, or an S3 endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.adapters.folder import STORAGE_NAME, folder_access_key
from server.adapters.storage.local import LocalStorage, is_key
from server.adapters.storage.presigning import Presigner
from server.gateway.site import Site
from server.gateway.storage.endpoint import STORAGE_PATH, StorageAccess, StorageEndpoint
from server.model.signatures import AccessKey
from server.ports.clock import Clock
from server.ports.object_storage import ObjectStorage
from server.ports.telemetry import Telemetry
from server.services.object_storage import ObjectReceiver
from server.services.upload_signer import UploadSigner
from server.settings import ServerSettings

BUCKET = "media"
REGION = "us-east-1"


class OpenStorage(Protocol):
    """An object storage, and what it needs of the application around it."""

    @property
    def storage(self) -> ObjectStorage:
        """The storage itself."""
        ...

    def endpoint(self, signer: UploadSigner, telemetry: Telemetry) -> StorageEndpoint | None:
        """Return what clients upload to; None if they upload elsewhere."""
        ...

    async def close(self) -> None:
        """Let go of files, threads and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """The folder's own object storage."""

    storage: LocalStorage
    settings: ServerSettings
    access_key: AccessKey
    clock: Clock

    def endpoint(self, signer: UploadSigner, telemetry: Telemetry) -> StorageEndpoint:
        """Return its S3 endpoint."""
        largest_bytes = max(self.settings.uploads.largest_bytes.values())
        return StorageEndpoint(
            access=StorageAccess(BUCKET, self.access_key, largest_bytes, is_key),
            storage=self.storage,
            receiver=ObjectReceiver(self.storage, signer),
            limits=self.settings.limits,
            clock=self.clock,
            telemetry=telemetry,
        )

    async def close(self) -> None:
        """End its threads."""
        self.storage.close()


def open_storage(
    settings: ServerSettings,
    *,
    site: Site,
    clock: Clock,
    random_bytes: Callable[[int], bytes],
) -> OpenStorage:
    """Return the object storage that the settings name.

    Raises:
        OSError: if the disk is full.
    """
    access_key = folder_access_key(settings.data_folder, random_bytes=random_bytes)
    presigner = Presigner(
        endpoint=lambda: f"{site.url}{STORAGE_PATH}",
        bucket=BUCKET,
        access_key=access_key,
        region=REGION,
        clock=clock,
    )
    storage = LocalStorage(settings.data_folder / STORAGE_NAME, presigner)
    return Embedded(storage, settings, access_key, clock)
