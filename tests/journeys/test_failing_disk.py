"""A disk that says no, or that lies: no upload is acknowledged that could be lost, and reading goes on."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.registry.web.site import multipart
from tests.registry.web.wire import Answer, exchange, upload
from tests.running import Server
from tests.tracing import failing


def publish(server: Server, project: str) -> Answer:
    return upload(server, multipart([("content", wheel(project, "1.0"))]), server.token)


def get(server: Server, path: str) -> Answer:
    return exchange(server, "GET", path, headers={"Authorization": f"Bearer {server.token}"})


def offered(server: Server, project: str) -> bool:
    """Whether a project's page is there, names its file, and the file downloads."""
    page = get(server, f"/python/simple/{project}/?format=application/vnd.pypi.simple.v1%2Bjson")
    if page.status == 404:
        return False
    assert page.status == 200, page
    [file] = json.loads(page.body)["files"]
    assert get(server, f"/python/files/{file['hashes']['sha256']}/{file['filename']}").body == wheel(project, "1.0")[1]
    return True


def until_refused(server: Server) -> Iterator[str]:
    """Upload one project after another; those that were accepted come out, the refused one last."""
    for number in count():
        answer = publish(server, f"disk-{number}")
        yield f"disk-{number}"
        if answer.status != 200:
            assert answer.status == 503, answer
            return
        assert number < 30, "nothing failed"


@pytest.mark.parametrize("nth", [1, 2, 4, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 5, 6, 7, 8))])
def test_after_one_failed_flush_all_processes_only_read_until_a_restart(
    server: Server, tmp_path: Path, nth: int
) -> None:
    assert publish(server, "before").status == 200
    with failing(tmp_path, server.worker_pids(), f"fsync:error=EIO:when={nth}"):
        *accepted, refused = until_refused(server)
    for number in range(8):  # the disk would say yes again, and either process is asked
        answer = publish(server, f"later-{number}")
        assert (answer.status, "The disk failed to keep " in answer.reason) == (503, True)
        assert "restart the server" in answer.body.decode()
    assert exchange(server, "POST", "/-/api/v1/tokens", b"{}", bearer(server)).status == 503
    assert publish(server, refused).status == 503  # what was refused is not called stored when it is sent again
    assert [offered(server, project) for project in ("before", *accepted)] == [True] * (len(accepted) + 1)
    assert not offered(server, refused)
    said = get(server, "/-/health")
    assert (said.status, json.loads(said.body)["status"]) == (503, "read-only")
    assert get(server, "/-/ready").status == 200
    assert "only reads until restarted" in server.log()
    server.stop()
    server.start()
    assert json.loads(get(server, "/-/health").body)["status"] == "ok"
    assert [offered(server, project) for project in ("before", *accepted)] == [True] * (len(accepted) + 1)
    assert publish(server, refused).status == 200
    assert offered(server, refused)


@pytest.mark.parametrize(
    "inject",
    [
        "write:error=ENOSPC",
        "openat:error=EMFILE",
        pytest.param("openat:error=ENOSPC", marks=pytest.mark.long),
        pytest.param("mkdir:error=EROFS", marks=pytest.mark.long),
        "rename:error=EROFS",
        pytest.param("rename:error=ENOSPC", marks=pytest.mark.long),
        pytest.param("unlink:error=EROFS", marks=pytest.mark.long),
        pytest.param("fchmod:error=EIO", marks=pytest.mark.long),
    ],
)
def test_a_call_that_fails_during_an_upload_is_told_as_such_and_passes(
    server: Server, tmp_path: Path, inject: str
) -> None:
    assert publish(server, "before").status == 200
    answers = []
    for nth in range(1, 13):
        with failing(tmp_path, server.worker_pids(), f"{inject}:when={nth}"):
            answers.append(publish(server, f"during-{nth}"))
            assert publish(server, "before").status in {200, 503}
    assert {answer.status for answer in answers} <= {200, 503}, answers
    for number, answer in enumerate(answers, 1):
        assert answer.status == 200 or "try again" in answer.reason, answer
        assert publish(server, f"during-{number}").status == 200
        assert offered(server, f"during-{number}")
    assert offered(server, "before")
    assert "Traceback" not in server.log()


def bearer(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.token}"}
