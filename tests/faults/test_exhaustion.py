"""The disk is full, or read-only, or files run out, also in the middle of an upload: a clear refusal, and reads go on.

When it is over, uploads are taken again without anybody restarting anything.
"""

import contextlib
import http.client
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import wheel
from tests.faults import disks
from tests.faults.uploads import CLEAR, Uploads, fsck, is_clear, mistakes, processes_of, until, workers_of
from tests.legacy_client import Answer, ask, authorization
from tests.registry.web.site import multipart
from tests.running import Server, new_server
from tests.tracing import lacking

MIB = 2**20
PATIENCE = 5  # seconds until uploads are taken again


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server on a disk of its own; its log lies elsewhere."""
    disks.need_disks("ext4")
    disk = disks.make(tmp_path / "disk.img", "ext4", 160 * MIB)
    with disks.mounted(disk, tmp_path / "disk", "-o", "loop,errors=remount-ro") as mount:
        server = new_server(disks.link(tmp_path / "data", mount).parent, workers=1)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextlib.contextmanager
def ballast(server: Server, left: int = 0) -> Iterator[None]:
    """Fill the disk."""
    file = server.data / "ballast"
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while free(server) > left:
            stream.write(bytes(min(MIB, max(4096, free(server) - left))))
    try:
        yield
    finally:
        file.unlink()


def free(server: Server) -> int:
    disk = os.statvfs(server.data)
    return int(disk.f_bavail * disk.f_frsize)


@contextlib.contextmanager
def half_sent(server: Server, filename: str, content: bytes) -> Iterator[Callable[[], Answer]]:
    """Send half an upload; what is given sends the rest and reads the answer."""
    body, content_type = multipart([("content", (filename, content))])
    head = (
        f"POST /python/ HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization(server.token)}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    half = len(body) // 2
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head.encode() + body[:half])

        def rest() -> Answer:
            with contextlib.suppress(ConnectionError):
                client.sendall(body[half:])
            response = http.client.HTTPResponse(client)
            with contextlib.closing(response):
                response.begin()
                return Answer(response.status, response.read())

        yield rest


def recovered(uploads: Uploads) -> None:
    """Uploads are taken again, and nothing was half kept."""
    uploads.next_within(PATIENCE)
    uploads.check()
    fsck(uploads.server)
    assert mistakes(uploads.server) == ""


def test_a_full_disk_refuses_uploads_in_words_and_takes_them_again_when_there_is_room(small: Server) -> None:
    uploads = Uploads(small, "full")
    assert uploads.one().status == 200
    with ballast(small):
        assert is_clear(uploads.one())
        yank = f"{small.url}/-/api/v1/registries/python/projects/full/releases/1.0/yank"
        refused = ask(yank, "PUT", b"{}", Authorization=authorization(small.token), Content_Type="application/json")
        assert is_clear(refused), refused
        uploads.check()  # reads go on
    recovered(uploads)


def test_a_disk_that_fills_up_during_an_upload_refuses_it_in_words(small: Server) -> None:
    uploads = Uploads(small, "filling")
    assert uploads.one().status == 200
    with half_sent(small, *wheel("filling", "9.0", files=noise(20 * MIB))) as rest, ballast(small):
        assert is_clear(answer := rest()), answer
        uploads.check()  # reads go on
    recovered(uploads)


def noise(size: int) -> dict[str, bytes]:
    return {"noise.bin": os.urandom(size)}


def test_a_disk_made_read_only_between_uploads_refuses_them_until_it_is_writable_again(small: Server) -> None:
    uploads = Uploads(small, "locked")
    assert uploads.one().status == 200
    mount = small.data.resolve().parent
    until(lambda: remounted(mount, "ro"), PATIENCE, "nobody writes")
    assert is_clear(answer := uploads.one()), answer
    uploads.check()  # reads go on
    assert remounted(mount, "rw")
    recovered(uploads)


def remounted(mount: Path, mode: str) -> bool:
    with contextlib.suppress(AssertionError):
        disks.run("mount", "-o", f"remount,{mode}", str(mount))
        return True
    return False


def test_a_disk_that_fails_during_an_upload_refuses_it_and_keeps_what_was_acknowledged(
    small: Server, tmp_path: Path
) -> None:
    uploads = Uploads(small, "failing")
    assert uploads.one().status == 200
    with half_sent(small, *wheel("failing", "9.0", files=noise(2 * MIB))) as rest:
        break_file_system(small)
        assert is_clear(answer := rest()), answer
    assert is_clear(answer := uploads.one()), answer
    uploads.check()  # reads go on
    small.kill()
    mount = small.data.resolve().parent
    disks.unmount(mount)
    disks.run("mount", "-o", "loop", str(tmp_path / "disk.img"), str(mount))
    small.start()
    recovered(uploads)


def break_file_system(server: Server) -> None:
    """Let ext4 make itself read-only, as it does when it finds damage."""
    switch = Path("/sys/fs/ext4") / disks.device(server.data.resolve().parent) / "trigger_fs_error"
    if not switch.exists():
        lacking("this kernel's ext4 has no trigger_fs_error")
    switch.write_text("a test")


def test_on_a_disk_that_failed_every_worker_goes_on_reading(small: Server) -> None:
    small.stop()
    small.workers = 4
    small.start()
    uploads = Uploads(small, "failed")
    assert [uploads.one().status for _ in range(3)] == [200] * 3
    break_file_system(small)
    assert [page(small, "failed").status for _ in range(40)] == [200] * 40


def page(server: Server, project: str) -> Answer:
    return ask(f"{server.url}/python/simple/{project}/", Authorization=authorization(server.token))


def leave_handles(server: Server, spare: int) -> None:
    """Let each worker open so many files more."""
    for worker in workers_of(server):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it gave up, and is replaced
            open_now = len(list(Path(f"/proc/{worker}/fd").iterdir()))
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (open_now + spare, 4096))


def test_without_file_handles_nothing_is_answered_wrongly_and_afterwards_all_is_as_before(server: Server) -> None:
    uploads = Uploads(server, "handles")
    assert uploads.one().status == 200
    for spare in range(12):
        leave_handles(server, spare)
        for _ in range(3):
            assert (answer := uploads.one()).status in {0, 200, *CLEAR}, answer
            assert (answer := page(server, "handles")).status in {0, 200, *CLEAR}, answer
        leave_handles(server, 1000)
        uploads.next_within(PATIENCE)
        uploads.check()
    fsck(server)


def test_a_worker_that_cannot_begin_for_lack_of_file_handles_does_not_end_the_server(server: Server) -> None:
    uploads = Uploads(server, "begun")
    assert uploads.one().status == 200
    master, first, second = processes_of(server)
    usual = resource.prlimit(master, resource.RLIMIT_NOFILE)
    open_now = len(list(Path(f"/proc/{master}/fd").iterdir()))
    resource.prlimit(master, resource.RLIMIT_NOFILE, (open_now + 2, usual[1]))  # a worker's heartbeat is one
    os.kill(first, signal.SIGKILL)
    until(lambda: "another one is tried" in server.log(), PATIENCE, "it is said")
    assert page(server, "begun").status == 200
    resource.prlimit(master, resource.RLIMIT_NOFILE, usual)
    until(lambda: len({*workers_of(server)} - {first}) == 2, 2 * PATIENCE, "another worker begins")
    uploads.next_within(PATIENCE)
    assert second in workers_of(server)


def test_without_file_handles_no_worker_gives_up_and_takes_the_uploads_of_others_with_it(server: Server) -> None:
    workers = processes_of(server)
    leave_handles(server, 0)
    for _ in range(5):
        # 404 is right, as nobody published it: what a beginning worker had open was free again.
        assert page(server, "handles").status in {0, 404, *CLEAR}
    assert processes_of(server) == workers
