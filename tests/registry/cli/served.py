"""What the tests of the poller ask for, and connections that are used again and again."""

import hashlib
import http.client
import json

from tests.archives import wheel
from tests.registry.web.site import basic
from tests.registry.web.wire import Answer
from tests.running import Server

SMALL = wheel("small", "1.0")
LARGE = wheel("large", "1.0", files={"large.bin": hashlib.shake_128(b"large").digest(30 * 2**20)})

opened: list[http.client.HTTPConnection] = []


class Kept:
    """A connection that is used again and again, as pip and uv use theirs; closed when its test ends."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        opened.append(self._connection)

    def get(self, path: str, token: str, method: str = "GET", **headers: str) -> Answer:
        """Ask, with a token."""
        sent = {"Authorization": basic("__token__", token)} | {k.replace("_", "-"): v for k, v in headers.items()}
        self._connection.request(method, path, headers=sent)
        response = self._connection.getresponse()
        return Answer(response.status, response.reason, dict(response.getheaders()), response.read())


def file_url(server: Server, project: str) -> str:
    """Find the path of a project's first file."""
    page = Kept(server).get(f"/python/simple/{project}/", server.token, Accept="application/vnd.pypi.simple.v1+json")
    url: str = json.loads(page.body)["files"][0]["url"]
    return "/python/" + url.removeprefix("../../")
