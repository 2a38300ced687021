"""A SeaweedFS in processes of its own: a real S3 endpoint, started from its wheel."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# boto3 makes its classes when it runs.
S3Client: TypeAlias = Any
BUCKET = "media"
ACCESS_KEY, SECRET_KEY = "seaweedfs-tests", "a secret of these tests"
# May read and list, and no more.
READER_KEY = "seaweedfs-reader"
REGION = "us-east-1"
UP_WITHIN_S = 40.0
# For HTTP and, each beside it, for gRPC.
PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


@dataclass(frozen=True)
class SeaweedFs:
    """An endpoint with a bucket."""

    process: subprocess.Popen[bytes]
    url: str

    def client(self) -> S3Client:
        """Return a boto3 client of it."""
        return s3_client(self.url, ACCESS_KEY, SECRET_KEY)


def s3_client(url: str, access_key: str, secret_key: str) -> S3Client:
    """Return a boto3 client of an endpoint."""
    config = Config(
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
        # Of URLs, too: boto3 would sign some with version 2.
        signature_version="s3v4",
    )
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=REGION,
        config=config,
    )


@contextmanager
def seaweedfs(folder: Path) -> Iterator[SeaweedFs]:
    """Start one with an empty bucket; it is killed at the end."""
    actions = {
        ACCESS_KEY: ["Admin", "Read", "List", "Tagging", "Write"],
        READER_KEY: ["Read", "List"],
    }
    identities = [
        {
            "name": key,
            "credentials": [{"accessKey": key, "secretKey": SECRET_KEY}],
            "actions": allowed,
        }
        for key, allowed in actions.items()
    ]
    access = folder / "access.json"
    access.write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    ports = free_ports(len(PORTS))
    command = [
        str(Path(sys.executable).with_name("weed")),
        f"-logdir={folder}",
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.config={access}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # Nothing leaves this machine.
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        *(f"-{name}={port}" for name, port in zip(PORTS, ports, strict=True)),
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log) as process,
    ):
        try:
            started = SeaweedFs(process, f"http://127.0.0.1:{ports[PORTS.index('s3.port')]}")
            make_bucket(started, folder / "log")
            yield started
        finally:
            process.kill()


def make_bucket(started: SeaweedFs, log: Path) -> None:
    """Make the bucket, once the endpoint answers and takes objects."""
    deadline = time.monotonic() + UP_WITHIN_S
    client = started.client()
    while True:
        try:
            names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
            if BUCKET not in names:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="first", Body=b"x")
            client.delete_object(Bucket=BUCKET, Key="first")
        except (BotoCoreError, ClientError):
            assert started.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        else:
            return


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as open_sockets:
        listening = [
            open_sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(number)
        ]
        return [int(each.getsockname()[1]) for each in listening]
