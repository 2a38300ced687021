"""Signatures are those of Amazon's own examples.

Source: Amazon S3 API Reference, "Examples: Signature Calculations", "Signature Calculations for the
Authorization Header: Transferring Payload in Multiple Chunks" and "... Including Trailing Headers",
and "Authenticating Requests: Using Query Parameters".
"""

import hashlib
from urllib.parse import parse_qs

import pytest

from server.model.signatures import (
    UNSIGNED_PAYLOAD,
    AccessKey,
    ChunkSigner,
    Scope,
    SignedRequest,
    amz_date,
    presigned_query,
    query_of,
    signature,
    time_ms_of_amz_date,
)

KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("20130524", "us-east-1")
DATE = "20130524T000000Z"
HOST = {"host": "examplebucket.s3.amazonaws.com"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


NOTHING = sha256(b"")
WELCOME = sha256(b"Welcome to Amazon S3.")

REQUESTS = {
    "get with a range": (
        SignedRequest(
            "GET",
            "/test.txt",
            (),
            HOST | {"range": "bytes=0-9", "x-amz-content-sha256": NOTHING, "x-amz-date": DATE},
            NOTHING,
        ),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "put of an object with a dollar in its key": (
        SignedRequest(
            "PUT",
            "/test$file.text",
            (),
            HOST
            | {
                "date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-content-sha256": WELCOME,
                "x-amz-date": DATE,
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
            WELCOME,
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "query without a value": (
        SignedRequest(
            "GET",
            "/",
            query_of("lifecycle"),
            HOST | {"x-amz-content-sha256": NOTHING, "x-amz-date": DATE},
            NOTHING,
        ),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "query in another order": (
        SignedRequest(
            "GET",
            "/",
            query_of("prefix=J&max-keys=2"),
            HOST | {"x-amz-content-sha256": NOTHING, "x-amz-date": DATE},
            NOTHING,
        ),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_signed_as_in_amazons_example(name: str) -> None:
    request, expected = REQUESTS[name]

    assert signature(request, key=KEY, scope=SCOPE, date=DATE) == expected


def test_a_url_is_signed_as_in_amazons_example() -> None:
    request = SignedRequest("GET", "/test.txt", (), HOST, UNSIGNED_PAYLOAD)

    query = presigned_query(request, key=KEY, scope=SCOPE, date=DATE, expires_s=86_400)

    assert parse_qs(query) == {
        "X-Amz-Algorithm": ["AWS4-HMAC-SHA256"],
        "X-Amz-Credential": ["AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"],
        "X-Amz-Date": [DATE],
        "X-Amz-Expires": ["86400"],
        "X-Amz-SignedHeaders": ["host"],
        "X-Amz-Signature": ["aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"],
    }


def chunked(payload: str, **more: str) -> SignedRequest:
    headers = {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": payload,
        "x-amz-date": DATE,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return SignedRequest("PUT", "/examplebucket/chunkObject.txt", (), headers | named, payload)


def test_chunks_are_signed_as_in_amazons_example() -> None:
    request = chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", content_length="66824")
    signer = ChunkSigner(KEY, SCOPE, DATE)

    seed = signature(request, key=KEY, scope=SCOPE, date=DATE)
    first = signer.chunk(sha256(b"a" * 65_536), previous=seed)
    second = signer.chunk(sha256(b"a" * 1_024), previous=first)
    last = signer.chunk(sha256(b""), previous=second)

    assert [seed, first, second, last] == [
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]


def test_trailing_headers_are_signed_as_in_amazons_example() -> None:
    request = chunked(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", x_amz_trailer="x-amz-checksum-crc32c"
    )
    signer = ChunkSigner(KEY, SCOPE, DATE)

    seed = signature(request, key=KEY, scope=SCOPE, date=DATE)
    first = signer.chunk(sha256(b"a" * 65_536), previous=seed)
    second = signer.chunk(sha256(b"a" * 1_024), previous=first)
    last = signer.chunk(sha256(b""), previous=second)
    trailer = signer.trailer("x-amz-checksum-crc32c:sOO8/Q==\n", previous=last)

    assert [seed, first, second, last, trailer] == [
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
    ]


def test_a_path_is_signed_the_same_however_it_is_encoded() -> None:
    one, other = (
        SignedRequest("GET", path, (), HOST, NOTHING) for path in ("/a~b%2dc", "/a%7Eb-c")
    )

    assert one.canonical == other.canonical


def test_the_time_of_a_signature_is_utc_in_seconds() -> None:
    assert time_ms_of_amz_date(DATE) == 1_369_353_600_000
    assert amz_date(1_369_353_600_999) == DATE
    with pytest.raises(ValueError, match="20130524"):
        time_ms_of_amz_date("20130524")


def test_a_secret_is_in_no_message() -> None:
    assert KEY.secret not in repr(KEY)
