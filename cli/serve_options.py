"""What the options of `socialfeed serve` may be, and the settings that they are."""

import re
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from server.services.upload_signer import UploadSettings
    from server.settings import S3Settings

LARGEST_PORT = 65_535


def duration_s(text: str) -> float:
    """Return a duration."""
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        return parse(text, Dimension.DURATION)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error


def size_bytes(text: str) -> int:
    """Return a size of at least one byte."""
    size = round(_size(text))
    if size < 1:
        message = f"expected a size above zero, such as 20MB; found {text!r}"
        raise typer.BadParameter(message)
    return size


def cache_bytes(text: str) -> int:
    """Return the size of a cache, which may hold nothing."""
    size = round(_size(text))
    if size < 0:
        message = f"expected a size, 0 for none, such as 256MiB; found {text!r}"
        raise typer.BadParameter(message)
    return size


def _size(text: str) -> float:
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        return parse(text, Dimension.SIZE)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error


def origin(text: str) -> str:
    """Return a URL of scheme, host and port alone, without a slash at its end."""
    url = text.rstrip("/")
    # With a path, a proxy would have to change what is signed.
    plain = re.fullmatch(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", url)
    if not plain or not 1 <= int(plain[1] or LARGEST_PORT) <= LARGEST_PORT:
        message = (
            f"expected a scheme, a host and a port, such as http://10.0.0.5:8080; found {text!r}"
        )
        raise typer.BadParameter(message)
    return url


def positive_s(given_s: float | None, option: str, default_s: float) -> float:
    """Return what was given, or the default; only above zero."""
    if given_s is None:
        return default_s
    if given_s <= 0:
        message = f"{option}: expected a duration above zero, such as 10s"
        raise typer.BadParameter(message)
    return given_s


def s3_settings(
    context: typer.Context,
    url: str | None,
    bucket: str,
    access_key: tuple[str | None, str | None],
    *,
    region: str,
) -> "S3Settings | None":
    """Return where media is kept, if that is an S3 endpoint."""
    from server.model.signatures import AccessKey
    from server.settings import S3Settings

    if url is None:
        _expect_none_given(context)
        return None
    key_id, secret = access_key
    if not key_id or not secret:
        message = (
            "--s3 needs --s3-access-key and --s3-secret-key, or the variables AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        )
        raise typer.BadParameter(message)
    return S3Settings(url, bucket, AccessKey(key_id, secret), region)


def _expect_none_given(context: typer.Context) -> None:
    """Check that nobody has written an option of an endpoint and forgotten which endpoint."""
    for name in ("s3_bucket", "s3_access_key", "s3_secret_key", "s3_region"):
        source = context.get_parameter_source(name)
        # The usual variables may be there for other programs.
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            message = f"{option} is about an S3 endpoint: name it with --s3, or leave {option} out"
            raise typer.BadParameter(message)


def upload_settings(
    max_image: int | None, max_video: int | None, upload_expiry: float | None
) -> "UploadSettings":
    """Return what may be uploaded."""
    from server.model.media import MediaKind
    from server.model.signatures import LONGEST_EXPIRY_S
    from server.services.upload_signer import UploadSettings

    usual = UploadSettings()
    given = {MediaKind.IMAGE: max_image, MediaKind.VIDEO: max_video}
    expires_s = positive_s(upload_expiry, "--upload-expiry", usual.expires_s)
    if not 1 <= expires_s <= LONGEST_EXPIRY_S:
        message = "--upload-expiry: expected a duration from 1s to 7d"
        raise typer.BadParameter(message)
    return UploadSettings(
        largest_bytes={
            kind: usual.largest_bytes[kind] if most is None else most
            for kind, most in given.items()
        },
        expires_s=round(expires_s),
    )
