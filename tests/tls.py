"""A server's TLS, and a way to hosts of the world that ends on this machine, where CI jobs and issuers are."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.issuer import authority

_PIECE = 64 * 2**10
_HEAD = 8 * 2**10  # bytes of a CONNECT request


@contextmanager
def tls_before(port: int) -> Iterator[int]:
    """Speak TLS as localhost before a server that speaks none.

    Yields:
        The port.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost").configure_cert(context)

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as plain, _to(port) as server:
            _joined(plain, server)

    with _listening(serve) as own:
        yield own


@contextmanager
def world(hosts: Mapping[str, int]) -> Iterator[str]:
    """Be a proxy by which some hosts are on this machine, and all others nowhere.

    Args:
        hosts: by name, the port of each.

    Yields:
        Its address, for HTTPS_PROXY.
    """

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD:
            head += client.recv(_PIECE) or b"\r\n\r\n"
        method, _, target = head.partition(b"\r\n")[0].decode().partition(" ")
        host = target.partition(":")[0]
        if method != "CONNECT" or host not in hosts:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with _to(hosts[host]) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _joined(client, server)

    with _listening(serve) as port:
        yield f"http://127.0.0.1:{port}"


def _to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    def one(client: socket.socket) -> None:
        with suppress(OSError), client:  # of clients that gave up
            client.settimeout(30)
            serve(client)

    def accept() -> None:
        with suppress(OSError):  # closed: the end
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _joined(one: socket.socket, other: socket.socket) -> None:
    """Give each what the other sends, until either has nothing more to say; in one thread, for TLS is not for two."""
    ends = {one: other, other: one}
    while True:
        waiting = [end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()]
        for source in waiting or select.select(list(ends), [], [], 60)[0]:
            data = source.recv(_PIECE)
            if not data:
                return
            ends[source].sendall(data)
