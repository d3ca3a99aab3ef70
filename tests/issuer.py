"""An issuer of identity tokens on loopback, as a CI system has one: by TLS, with discovery, keys, rotation, outages."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
AUDIENCE = "packages.acme.example"


@cache
def authority() -> trustme.CA:
    """The authority that the server under test trusts."""
    return trustme.CA()


def trusted_file(folder: Path) -> Path:
    """Write the authority's certificate to where SSL_CERT_FILE can point."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return path


@cache
def rsa_key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key, made once for all tests."""
    assert number >= 0
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    """A key, made once for all tests."""
    assert number >= 0
    return ec.generate_private_key(ec.SECP256R1())


def encoded(raw: bytes | str | Mapping[str, Any]) -> str:
    """Write a part of a token."""
    if isinstance(raw, Mapping):
        raw = json.dumps(raw)
    data = raw.encode() if isinstance(raw, str) else raw
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: bytes | str | Mapping[str, Any], payload: bytes | str | Mapping[str, Any], key: Any) -> str:
    """Make a token of exactly these parts, signed by RS256 or ES256, whatever its header says."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    algorithm = jwt.get_algorithm_by_name("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
    return f"{signed}.{encoded(algorithm.sign(signed.encode(), key))}"


def pem(key: Key) -> bytes:
    """Give the public key as text, which careless libraries take for a shared secret."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public(key: Key, kid: str) -> dict[str, Any]:
    """Give the public key as the issuer publishes it."""
    name = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
    told = jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": kid, "alg": name, "use": "sig"}


@dataclass
class Issuer:
    """What it has, what it answers, and how often it was asked."""

    url: str = ""
    base: str = ""  # the path of the url
    kid: str = "first"
    key: Key = field(default_factory=lambda: rsa_key(0))
    keys: list[dict[str, Any]] = field(default_factory=list)
    outage: bool = False
    slow: float = 0.0  # seconds before each answer
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)  # instead, by path
    asked: list[str] = field(default_factory=list)  # paths

    def __post_init__(self) -> None:
        self.keys = [public(self.key, self.kid)]

    def serve_as(self, url: str) -> None:
        """Take another address, which leads here; below it, as some systems have one issuer for each customer."""
        self.url, self.base = url, urlsplit(url).path

    def rotate(self, kid: str, key: Key | None = None) -> None:
        """Sign with a new key from now on, and publish no other."""
        self.kid, self.key = kid, key or rsa_key(len(kid))
        self.keys = [public(self.key, kid)]

    def claims(self, claims: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Fill up claims to what a token has; None takes one away."""
        now = int(time.time())
        times = {"iat": now, "nbf": now - 5, "exp": now + 300, "aud": AUDIENCE, "jti": f"{now}-{id(claims)}"}
        return {n: v for n, v in {**claims, **times, "iss": self.url, **changes}.items() if v is not None}

    def token(self, claims: Mapping[str, Any], **changes: Any) -> str:
        """Make a token, as the CI system does for a job."""
        header = {"alg": "ES256" if isinstance(self.key, ec.EllipticCurvePrivateKey) else "RS256", "kid": self.kid}
        return sign({**header, "typ": "JWT"}, self.claims(claims, **changes), self.key)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Answer a request."""
        self.asked.append(path)
        time.sleep(self.slow)
        if self.outage:
            return 503, {}, b"down"
        if path in self.answers:
            return self.answers[path]
        path = path.removeprefix(self.base)
        if path == "/.well-known/openid-configuration":
            found: object = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        elif path == "/keys":
            found = {"keys": self.keys}
        else:
            return 404, {}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


@contextmanager
def issuing(*hosts: str) -> Iterator[Issuer]:
    """Run an issuer.

    Args:
        hosts: further names that its certificate holds for.
    """
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # of clients that gave up
            pass

    with Quiet(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("localhost", *hosts).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        issuer.url = f"https://localhost:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
