"""Calls about media."""

from collections.abc import Sequence

from server.gateway.bodies import NewUpload
from server.gateway.calls import Answer, Call, Incoming
from server.gateway.shapes import UploadShape
from server.gateway.site import Site
from server.model.ids import timestamp_at
from server.services.upload_signer import UploadSigner


class MediaCalls:
    """Sign uploads."""

    def __init__(self, signer: UploadSigner, site: Site) -> None:
        self._signer = signer
        self._site = site

    def calls(self) -> Sequence[Call]:
        """Return these calls."""
        return [
            Call(
                "POST",
                "/v1/media/uploads",
                "upload_signer",
                self._sign,
                "Sign an upload: a PUT of these bytes, straight into object storage",
                answers={201: UploadShape},
                body=NewUpload,
                refuses=(403, 404),
            ),
        ]

    async def _sign(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewUpload)
        site_url = self._site.seen_by(incoming.request.headers)
        incoming.expect_caller(body.user_id, what="userId")
        signed = await self._signer.sign(
            body.user_id,
            content_type=body.content_type,
            size_bytes=body.size_bytes,
            fresh_id=incoming.fresh_id,
            site_url=site_url,
        )
        document: UploadShape = {
            "uploadUrl": signed.put.url,
            "method": signed.put.method,
            "headers": dict(signed.put.headers),
            "mediaUrl": f"{site_url}{signed.media.path}",
            "expiresAt": timestamp_at(signed.put.expires_at_ms),
        }
        return Answer(201, document)
