"""One document from another host: by https, from nowhere else, and never for long."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path

import pytest
import trustme

from registry.errors import Unavailable
from registry.fetch import LONGEST, document
from tests.issuer import Issuer, authority, issuing, trusted_file

SECONDS = 0.5  # for what never ends


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted_file(tmp_path)))
    with issuing() as made:
        yield made


@contextmanager
def endless(first: bytes, drip: bytes, ca: trustme.CA | None = None) -> Iterator[str]:
    """Serve something that goes on for ever, a byte at a time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (ca or authority()).issue_cert("localhost").configure_cert(context)
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            client, _ = listening.accept()
            with context.wrap_socket(client, server_side=True) as safe:
                safe.recv(65536)
                safe.sendall(first)
                for piece in repeat(drip):
                    if over.wait(0.02):
                        return
                    safe.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}/"
        over.set()
        thread.join()


def test_a_document_comes_by_https(issuer: Issuer) -> None:
    issuer.answers["/x"] = 200, {}, b"words"
    assert document(f"{issuer.url}/x", 5) == b"words"


@pytest.mark.parametrize("scheme", ["http", "file", "ftp", "HTTPSX", ""])
def test_nothing_else_is_asked(issuer: Issuer, scheme: str) -> None:
    with pytest.raises(Unavailable, match="is not https"):
        document(issuer.url.replace("https", scheme), 5)
    assert issuer.asked == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(issuer: Issuer, code: int) -> None:
    issuer.answers["/x"] = code, {"Location": f"{issuer.url}/keys"}, b""
    with pytest.raises(Unavailable, match=f"answers {code}, a redirect, which is not followed"):
        document(f"{issuer.url}/x", 5)
    assert issuer.asked == ["/x"]


def test_an_error_is_said(issuer: Issuer) -> None:
    with pytest.raises(Unavailable, match="answers 404, an error"):
        document(f"{issuer.url}/nothing", 5)


def test_what_is_too_large_is_not_read(issuer: Issuer) -> None:
    issuer.answers["/x"] = 200, {}, b"x" * LONGEST
    assert len(document(f"{issuer.url}/x", 5)) == LONGEST
    issuer.answers["/x"] = 200, {}, b"x" * (LONGEST + 1)
    with pytest.raises(Unavailable, match="more than 256 KiB"):
        document(f"{issuer.url}/x", 5)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("first", "drip"),
    [(b"", b""), (b"", b"H"), (OK, b"X-Y: z\r\n"), (OK, b"x"), (OK + b"\r\n", b" "), (OK + b"\r\n", b"")],
    ids=["silence", "a status line", "headers", "a header", "a body", "a silent body"],
)
@pytest.mark.usefixtures("issuer")
def test_what_never_ends_is_given_up(first: bytes, drip: bytes) -> None:
    with endless(first, drip) as url, pytest.raises(Unavailable, match="cannot be reached"):
        document(url, SECONDS)  # all of it together, not each byte


@pytest.mark.usefixtures("issuer")
def test_a_host_that_nobody_trusts_is_not_heard() -> None:
    with (
        endless(OK + b"\r\n", b"x", trustme.CA()) as url,
        pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        document(url, 5)


def test_a_host_that_is_not_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match=r"cannot be reached: .*refused"):
        document(f"https://localhost:{port}/", 5)
