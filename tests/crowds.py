"""Clients that send or read slowly, or not at all."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from tests.running import Server


@contextlib.contextmanager
def crowd(server: Server, size: int, first: bytes, drip: bytes = b"", *, read: bool = False) -> Iterator[None]:
    """Keep clients connected which send a byte a second, or read one, or neither."""
    clients = []
    for _ in range(size):
        client = socket.socket()
        if read:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the kernel reads for it
        client.settimeout(10)
        client.connect(("127.0.0.1", server.port))
        client.sendall(first)
        clients.append(client)
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(1):
            for client in clients:
                client.settimeout(0)
                with contextlib.suppress(OSError):
                    client.recv(1) if read else client.send(drip)

    going = threading.Thread(target=go_on)
    if drip or read:
        going.start()
    try:
        time.sleep(0.5)
        yield
    finally:
        over.set()
        if going.ident:
            going.join()
        for client in clients:
            client.close()
