"""Sends generated uploads to a real server, and counts what came of them."""

import http.client
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from random import Random

from tests.registry.web.site import basic
from tests.running import Server
from tests.uploads.grammar import Make, Upload

Rules = Mapping[Callable[[Make], Upload], float]
CONNECTIONS = 3


@dataclass(frozen=True)
class Outcome:
    """What one upload was answered; status 0: the server hung up on a body that it had refused."""

    rule: str
    number: int
    status: int
    text: str


@dataclass
class Tally:
    """All outcomes of one kind of uploads."""

    outcomes: list[Outcome] = field(default_factory=list)

    def of(self, *classes: int) -> list[Outcome]:
        return [one for one in self.outcomes if one.status // 100 in classes]

    def table(self) -> str:
        """Write a line per rule: how many, and how they were answered."""
        rules: dict[str, Counter[int]] = {}
        for one in self.outcomes:
            rules.setdefault(one.rule, Counter())[one.status] += 1
        lines = [
            f"{rule:40} {sum(found.values()):6}  " + "  ".join(f"{status}: {n}" for status, n in sorted(found.items()))
            for rule, found in sorted(rules.items())
        ]
        return "\n".join(lines)


def generate(families: Mapping[str, Rules], number: int, seed: int) -> Upload:
    """Choose a rule by the weights, and apply it; an upload depends on seed and number alone."""
    r = Random(f"{seed}-{number}")  # noqa: S311 - chance, not secrets
    rules = [(family, rule, weight) for family, some in families.items() for rule, weight in some.items()]
    family, rule, _ = r.choices(rules, [weight for *_, weight in rules])[0]
    return replace(rule(Make(r, number)), rule=f"{family}.{rule.__name__}")


def send(server: Server, families: Mapping[str, Rules], count: int, seed: int, start: int = 0) -> Tally:
    """Send so many uploads, numbered from `start`, over a few connections."""

    def lane(first: int) -> list[Outcome]:
        numbers = range(start + first, start + count, CONNECTIONS)
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            client = _Client(connection, basic("__token__", server.token))
            return [client.send(number, generate(families, number, seed)) for number in numbers]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return Tally([outcome for share in pool.map(lane, range(CONNECTIONS)) for outcome in share])


class _Client:
    """One connection, made again where the server closed it."""

    def __init__(self, connection: http.client.HTTPConnection, authorization: str) -> None:
        self._connection, self._authorization = connection, authorization

    def send(self, number: int, upload: Upload) -> Outcome:
        for _ in range(2):  # the first connection may have been closed since the upload before
            try:
                self._request(upload)
                response = self._connection.getresponse()
                return Outcome(upload.rule, number, response.status, response.read().decode())
            except (OSError, http.client.HTTPException):
                early = self._early()
                self._connection.close()
                if early:
                    return Outcome(upload.rule, number, *early)
        return Outcome(upload.rule, number, 0, "")

    def _request(self, upload: Upload) -> None:
        headers = {"Content-Type": upload.content_type, "Authorization": self._authorization}
        body: bytes | list[bytes] = upload.body
        if upload.chunked:
            body = [upload.body[at : at + 1000] for at in range(0, len(upload.body), 1000)]
        self._connection.request("POST", "/python/", body, headers)

    def _early(self) -> tuple[int, str] | None:
        """Read an answer that came before all was sent, if the kernel did not throw it away."""
        try:
            response = http.client.HTTPResponse(self._connection.sock)
            response.begin()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException, AttributeError):  # no connection at all
            return None
