"""kill -9 while a release of many files is deleted or restored: all of it is there afterwards, or nothing is.

Long form, 200 kills: python -m pytest -m long tests/faults/test_kill_removal.py
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.archives import wheel
from tests.faults.uploads import SEED, fsck, mistakes
from tests.journeys.clients import listed, publish
from tests.running import Server, new_server

FILES = [wheel("many", "1.0", tag=f"py3-none-manylinux_2_{minor}_x86_64") for minor in range(17, 57)]
RELEASE = "/-/api/v1/registries/python/projects/many/releases/1.0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = new_server(tmp_path)
    made.start()
    publish(made, *FILES)
    yield made
    made.kill()


def ask(server: Server, method: str, path: str, answered: list[int]) -> None:
    request = Request(server.url + path, method=method, headers={"Authorization": f"Bearer {server.token}"})
    with suppress(URLError, OSError), urlopen(request, timeout=30) as answer:
        answered.append(answer.status)


def crash(server: Server, seed: int, times: int) -> None:
    chance, there = random.Random(seed), True  # noqa: S311 - to be repeated, not to be secret
    for _ in range(times):
        verb, path, after = ("DELETE", RELEASE, 0) if there else ("POST", f"{RELEASE}/restore", len(FILES))
        answered: list[int] = []
        asking = threading.Thread(target=ask, args=(server, verb, path, answered))
        asking.start()
        time.sleep(chance.uniform(0, 0.3))
        server.kill()
        asking.join()
        server.start()
        found = len(listed(server, "many"))
        assert found in {0, len(FILES)}
        if answered:
            assert found == after
        there = found == len(FILES)
    fsck(server)
    assert mistakes(server) == ""


@pytest.mark.parametrize("seed", [SEED])
def test_a_killed_server_deletes_and_restores_all_of_a_release_or_nothing(server: Server, seed: int) -> None:
    crash(server, seed, 3)


@pytest.mark.long
@pytest.mark.parametrize("seed", [SEED])
def test_two_hundred_kills_leave_no_half_release(server: Server, seed: int) -> None:
    crash(server, seed, 200)
