"""GitHub's own published vectors verify, and nothing that was changed does."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.leaks import signatures
from tests.leaks.hub import Signer

VECTORS = [
    (  # github/docs#18776
        "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq"
        "kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==",
        "MEUCICxTWEpKo7BorLKutFZDS6ie+YFg6ecU7kEA6rUUSJqsAiEA9bK0Iy6vk2QpZOOg2IpBhZ3JRVdwXx1zmgmNAR7Izpc=",
        b'[{"token": "some_token", "type": "some_type", "url": "some_url"}]',
    ),
    (  # “Secret scanning partner program” as of 2022, with its test key
        "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP"
        "HzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==",
        "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=",
        b'[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]',
    ),
]


def pem_of(base64_der):
    return f"-----BEGIN PUBLIC KEY-----\n{base64_der}\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(("key_id", "key", "signature", "body"), VECTORS)
def test_githubs_vectors_verify_and_nothing_else_does(key_id, key, signature, body):
    assert signatures.could_be(key_id, signature)
    assert signatures.is_genuine(body, signature=signature, pem=pem_of(key))

    others = [body[:-1], body + b"\n", body.replace(b"some", b"same"), b"", b"[]"]
    assert not any(signatures.is_genuine(other, signature=signature, pem=pem_of(key)) for other in others)
    raw = bytearray(base64.b64decode(signature))
    raw[-1] ^= 1
    assert not signatures.is_genuine(body, signature=base64.b64encode(raw).decode(), pem=pem_of(key))
    for _, other_key, other_signature, _ in VECTORS:
        is_same = other_key == key
        assert signatures.is_genuine(body, signature=other_signature, pem=pem_of(other_key)) is is_same
        assert signatures.is_genuine(body, signature=signature, pem=pem_of(other_key)) is is_same


@pytest.mark.parametrize(
    ("key_id", "signature"),
    [
        ("", ""),
        ("a" * 64, ""),
        ("", "M" * 96),
        ("a" * 64, "M" * 2000),
        ("a b", "M" * 96),
        ("a" * 64, "sha256=" + "0" * 64),
        ("é" * 64, "M" * 96),
    ],
)
def test_what_has_not_the_form_of_githubs_headers_is_told_at_once(key_id, signature):
    assert not signatures.could_be(key_id, signature)


def test_only_keys_on_p_256_are_used():
    other_curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    no_curve = rsa.generate_private_key(65537, 2048).public_key()
    pems = [
        one.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() for one in (other_curve, no_curve)
    ]

    assert [signatures.is_usable("a" * 64, pem) for pem in (*pems, "", "é", "-----BEGIN PUBLIC KEY-----")] == [
        False
    ] * 5
    assert signatures.is_usable("a" * 64, Signer("a" * 64).pem)
    assert not signatures.is_genuine(b"[]", signature="not base64", pem=Signer("a" * 64).pem)
