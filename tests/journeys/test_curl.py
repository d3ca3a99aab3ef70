"""What people type who have nothing but curl: a lone file up, and any file down."""

import hashlib
import json
import re

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, listed, pair, publish
from tests.running import Server
from tests.tracing import need


@pytest.fixture(autouse=True)
def curl() -> None:
    need("curl")


@pytest.mark.client("curl", "install", "auth")
@pytest.mark.parametrize("how", ["-u", "-n", "Bearer"])
def test_curl_downloads_a_file_that_the_page_names_and_its_digest_holds(
    acme: Server, bob: str, desk: Desk, how: str
) -> None:
    [archive, _] = pair("cu-down")
    publish(acme, archive)
    desk.write(".netrc", f"machine 127.0.0.1\nlogin bob@acme.example\npassword {bob}\n").chmod(0o600)
    who = {"-u": ["-u", f"bob@acme.example:{bob}"], "-n": ["-n"], "Bearer": ["-H", f"Authorization: Bearer {bob}"]}[how]
    page = f"{acme.url}/python/simple/cu-down/"
    said = desk.run(["curl", "-sS", *who, "-H", "Accept: application/vnd.pypi.simple.v1+json", page])
    [file] = json.loads(said.stdout)["files"]
    got = desk.run(["curl", "-sS", "--fail", "-O", *who, f"{page}{file['url']}"])
    assert got.returncode == 0, got.stderr
    data = (desk.folder / archive[0]).read_bytes()
    assert data == archive[1]
    assert hashlib.sha256(data).hexdigest() == file["hashes"]["sha256"]


@pytest.mark.client("curl", "install")
def test_curl_reads_html_because_it_asks_for_anything(acme: Server, bob: str, desk: Desk) -> None:
    publish(acme, *pair("cu-html"))
    said = desk.run(["curl", "-sS", "-D", "head", "-u", f"__token__:{bob}", f"{acme.url}/python/simple/cu-html/"])
    assert "Content-Type: text/html" in (desk.folder / "head").read_text()
    assert re.findall(r"<a [^>]+>([^<]+)</a>", said.stdout) == sorted(name for name, _ in pair("cu-html"))


@pytest.mark.client("curl", "publish")
def test_curl_uploads_in_chunks_of_no_announced_length(acme: Server, bob: str, desk: Desk) -> None:
    path = desk.save(wheel("bob-cu-chunks"))
    command = ["curl", "-sS", "--fail-with-body", "-u", f"__token__:{bob}", "-H", "Transfer-Encoding: chunked"]
    said = desk.run([*command, "-F", f"file=@{path}", acme.upload_url])
    assert said.returncode == 0, said.stdout + said.stderr
    assert path.name in listed(acme, "bob-cu-chunks")


@pytest.mark.client("curl", "publish")
def test_curl_removes_a_release_by_the_form_that_pypiserver_documents(acme: Server, desk: Desk) -> None:
    publish(acme, *pair("cu-gone"))
    form = ["-F", ":action=remove_pkg", "-F", "name=cu-gone", "-F", "version=1.0"]
    said = desk.run(["curl", "-sS", "--fail-with-body", "-u", f"__token__:{acme.token}", *form, acme.upload_url])
    assert said.stdout == "Deleted 2 files of cu-gone 1.0; the names stay taken\n"
    assert not listed(acme, "cu-gone")
