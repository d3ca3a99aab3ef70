"""Many uploaders at once, through a real server of several processes: nothing lost, nothing twice, one order."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archives import sdist, wheel
from tests.legacy_client import check_download, listed, upload
from tests.running import Server, run_git, serving

UPLOADERS = 8
FILES_EACH = 50
# One uploader, in a process of its own: prints each answer as it comes.
UPLOADER = """
import json, sys
from pathlib import Path
from tests.legacy_client import upload
url, token, folder = sys.argv[1:]
for path in sorted(Path(folder).iterdir()):
    answer = upload(url, token, path.name, path.read_bytes())
    print(json.dumps([path.name, answer.status]), flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("concurrency"), workers=4) as running:
        yield running


def simple(server: Server) -> str:
    return f"{server.url}/python/simple/"


def run_uploaders(server: Server, folders: list[Path]) -> list[str]:
    """Upload each folder in a process of its own.

    Returns:
        The names that were acknowledged.
    """
    command = [sys.executable, "-c", UPLOADER, server.upload_url, server.token]
    root = Path(__file__).parent.parent.parent
    started = [
        subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, text=True, cwd=root) for folder in folders
    ]
    answers = [json.loads(line) for process in started for line in process.communicate(timeout=120)[0].splitlines()]
    assert {status for _, status in answers} == {200}
    return [name for name, _ in answers]


def check_ledger(server: Server, files: list[str]) -> None:
    """Each file has exactly one commit, in one line, and C git finds nothing wrong."""
    log = run_git(server.git, "log", "--format=%P|%s", "ledger").splitlines()
    assert all(len(line.partition("|")[0].split()) == 1 for line in log[:-1]), "one parent each"
    published = Counter(line.rpartition(" ")[2] for line in log if "|publish: " in line)
    assert {name: published[name] for name in files} == dict.fromkeys(files, 1)
    assert run_git(server.git, "fsck", "--full", "--strict", "--no-dangling") == ""


def test_of_400_files_of_8_uploaders_each_is_listed_downloadable_and_one_commit(server: Server, tmp_path: Path) -> None:
    folders = []
    for uploader in range(UPLOADERS):
        folder = tmp_path / f"{uploader}"
        folder.mkdir()
        folders.append(folder)
        for n in range(FILES_EACH):
            # Half go to a project of the uploader's own, half to one that all share.
            name = f"own-{uploader}" if n % 2 else "shared"
            filename, content = wheel(name, f"{uploader}.{n}")
            (folder / filename).write_bytes(content)
    acknowledged = run_uploaders(server, folders)
    assert len(set(acknowledged)) == UPLOADERS * FILES_EACH
    offered = listed(simple(server), server.token, "shared")
    for uploader in range(UPLOADERS):
        offered |= listed(simple(server), server.token, f"own-{uploader}")
    assert set(offered) == set(acknowledged)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: check_download(file, server.token), offered.values()))
    check_ledger(server, acknowledged)


def test_8_uploaders_fill_one_release_and_every_file_is_in_it(server: Server, tmp_path: Path) -> None:
    folders = []
    for uploader in range(UPLOADERS):
        folder = tmp_path / f"{uploader}"
        folder.mkdir()
        folders.append(folder)
        for n in range(5):
            filename, content = wheel("onerelease", "1.0", tag=f"cp3{uploader}-none-manylinux_2_{n + 17}_x86_64")
            (folder / filename).write_bytes(content)
    acknowledged = run_uploaders(server, folders)
    assert set(listed(simple(server), server.token, "onerelease")) == set(acknowledged)
    assert len(acknowledged) == 40
    check_ledger(server, acknowledged)


def test_the_same_file_100_times_at_once_is_one_commit_and_every_answer_is_200(server: Server) -> None:
    filename, content = wheel("same", "1.0")
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: upload(server.upload_url, server.token, filename, content), range(100)))
    assert Counter(a.status for a in answers) == {200: 100}
    assert sum(a.text.startswith("Accepted") for a in answers) == 1
    assert set(listed(simple(server), server.token, "same")) == {filename}
    check_ledger(server, [filename])


def test_of_20_contents_under_one_name_exactly_one_wins_and_all_others_are_told(server: Server) -> None:
    contents = [sdist("contested", "1.0", body=f"Number {n}") for n in range(20)]
    filename = contents[0][0]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda c: upload(server.upload_url, server.token, filename, c[1]), contents))
    assert Counter(a.status for a in answers) == {200: 1, 400: 19}
    (winner,) = (c for c, a in zip(contents, answers, strict=True) if a.status == 200)
    assert all(a.text.startswith("File already exists") for a in answers if a.status == 400)
    (file,) = listed(simple(server), server.token, "contested").values()
    check_download(file, server.token)
    said = re.findall("sha256 ([0-9a-f]{64}), as", next(a.text for a in answers if a.status == 200))
    assert said == [file.sha256]
    assert upload(server.upload_url, server.token, filename, winner[1]).status == 200
    check_ledger(server, [filename])


def test_equal_versions_in_two_spellings_at_once_become_one_release(server: Server) -> None:
    with ThreadPoolExecutor(2) as pool:
        files = [wheel("spelled", "1.0"), wheel("spelled", "1.0.0", tag="py2-none-any")]
        answers = list(pool.map(lambda f: upload(server.upload_url, server.token, *f), files))
    assert sorted(a.status for a in answers) == [200, 400]
    assert len(listed(simple(server), server.token, "spelled")) == 1
