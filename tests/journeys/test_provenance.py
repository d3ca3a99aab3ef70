"""Who published what, from where: asked of a month of releases with git alone, on the host, and from elsewhere."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from tests.archives import sdist, wheel
from tests.issuer import AUDIENCE, Issuer, public, rsa_key
from tests.journeys.clients import Desk, Done, listed
from tests.journeys.clients import ask as http
from tests.registry.web.pipelines import Ci, bearing, trusting
from tests.registry.web.site import Archive, Site, new_site
from tests.running import CLEAN, WAYBILL, Server, new_server, run_git, waybill
from tests.transparency import GITHUB, transparency

GUIDE = (Path(__file__).parent.parent.parent / "examples" / "audit" / "README.md").read_text()
HOME = "https://github.com/acme/payments"
RUN = f"{HOME}/actions/runs/77"
FIRST, SOURCES, SECOND = wheel("payments-api", "1.4.0"), sdist("payments-api", "1.4.0"), wheel("payments-api", "1.5.0")
OTHER, CLIENT = wheel("payments-api", "1.4.0", tag="py2-none-any"), wheel("payments-cli", "1.4.0")
TOOL = wheel("tool", "1.0")
PLACES = pytest.mark.parametrize("place", ["--data", "--url"])


def release(ci: Ci, *archives: Archive, run: str, commit: str = "a", **claims: str) -> None:
    """Publish as one attempt of one run does."""
    keys = json.dumps({"keys": [public(rsa_key(0), "first")]})
    ci.site.installation.state.keep_keys(GITHUB, keys, time.time())
    secret = ci.secret(run_id=run, sha=commit * 40, **claims)
    for archive in archives:
        answer = ci.site.publish(archive, person=None, headers=bearing(secret))
        assert answer.status_code == 200, answer.text


def filled(folder: Path) -> Site:
    """Make an installation with releases from September to November."""
    with freeze_time("2026-09-01T12:00:00Z") as clock:
        site = new_site(folder / "data")
        ci = Ci(site, Issuer(url=GITHUB))
        project = trusting(GITHUB).replace(f"    issuer: {GITHUB}\n", "")
        site.policy(
            waybill=f"organization: acme\naudience: {AUDIENCE}\nadmins: [alice]\nissuers: {{github: true}}\n",
            people="alice: {}\nbob: {}\ncarol: {}\n",
            registries__python__registry="projects: open\ngrants: [{role: publish, to: [bob], projects: [tool]}]\n",
            **{f"registries/python/projects/payments-{name}": project for name in ("api", "cli")},
        )
        clock.move_to("2026-09-30T23:59:59Z")
        release(ci, wheel("payments-api", "1.3.0"), run="770", commit="b")
        clock.move_to("2026-10-01T00:00:00Z")
        release(ci, FIRST, CLIENT, run="77")
        clock.move_to("2026-10-01T01:00:00Z")
        release(ci, SOURCES, run="77", run_attempt="2")
        clock.move_to("2026-10-20T12:00:00Z")
        release(ci, OTHER, run="78", commit="c")
        release(
            ci, SECOND, run="79", commit="d", repository="acme/renamed", workflow_ref=RENAMED, job_workflow_ref=RENAMED
        )
        said = {"X-Waybill-Declared-Pipeline": RUN, "X-Waybill-Declared-Commit": "a" * 40}
        assert site.publish(TOOL, person="bob", headers=said).status_code == 200
        clock.move_to("2026-10-31T23:59:59Z")
        release(ci, wheel("payments-cli", "1.6.0"), run="80", commit="e")
        clock.move_to("2026-11-01T00:00:00Z")
        release(ci, wheel("payments-api", "1.6.0"), run="81", commit="f")
    return site


RENAMED = "acme/renamed/.github/workflows/release.yml@refs/tags/v1.4.0"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Server]:
    """A server on what was filled."""
    site = filled(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(site.folder, probe.getsockname()[1], site.token())
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the same, for tests that only ask."""
    site = filled(tmp_path_factory.mktemp("calm"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(site.folder, probe.getsockname()[1], site.token())
    server.start()
    yield server
    server.kill()


def commands(heading: str) -> list[str]:
    """Give the commands that the guide has below a heading."""
    section = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [block.replace("\\\n", " ") for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def by_git(server: Server, heading: str) -> list[str]:
    """Run the guide's git command as it stands there."""
    [command, *_] = commands(heading)
    assert command.startswith("git ")
    shell = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(
        shell, cwd=server.git, env=CLEAN, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def guided(server: Server, heading: str, place: str) -> Done:
    """Run the guide's own command as it stands there, on the host or from elsewhere."""
    [*_, command] = commands(heading)
    words = re.findall(r'"[^"]*"|\S+', command.replace("--data DIR", ""))
    where = {"--data": str(server.data), "--url": server.url}[place]
    return waybill(*(word.strip('"') for word in words[1:]), place, where, token=server.token, check=False)


def files(done: Done) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.split()[-1] for line in done.stdout.splitlines() if "  publish: " in line]


def ask(server: Server, place: str, *arguments: str, token: str | None = None) -> Done:
    where = {"--data": str(server.data), "--url": server.url}[place]
    return waybill("log", place, where, *arguments, token=token or server.token, check=False)


QUESTIONS = {
    "What did this pipeline publish?": [SOURCES[0], CLIENT[0], FIRST[0]],
    "What came from this commit?": [SOURCES[0], CLIENT[0], FIRST[0]],
    "Everything a git repository published in October": [
        "payments_cli-1.6.0-py3-none-any.whl",
        OTHER[0],
        SOURCES[0],
        CLIENT[0],
        FIRST[0],
    ],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_git_alone_answers_and_the_log_says_the_same(calm: Server, question: str) -> None:
    assert by_git(calm, question) == QUESTIONS[question]
    for place in ("--data", "--url"):
        assert files(guided(calm, question, place)) == QUESTIONS[question]


def test_git_tells_who_published_a_release_from_which_commit(calm: Server) -> None:
    lines = by_git(calm, "Who published payments-api 1.4.0, from which commit?")
    assert lines[-1] == f"2026-10-01T00:00:00+00:00 {FIRST[0]} github/acme/payments {'a' * 40} {RUN}/attempts/1"
    assert [line.split()[1] for line in lines] == [OTHER[0], SOURCES[0], FIRST[0]]
    record = json.loads("\n".join(by_git(calm, "What a file came with")))
    assert record["provenance"]["predicate"]["verified"]["commit"] == "a" * 40


@PLACES
def test_the_log_tells_a_person_all_that_was_proven(calm: Server, place: str) -> None:
    done = ask(calm, place, "payments-api==1.5")
    policy = run_git(calm.git, "rev-parse", "main")[:12]
    [commit, at] = run_git(calm.git, "log", "--grep=payments-api 1.5.0", "--format=%H %ct", "ledger").split()
    [digest] = [file["hashes"]["sha256"] for name, file in listed(calm, "payments-api").items() if name == SECOND[0]]
    assert int(at) == 1792497600
    assert (
        done.stdout
        == f"""\
2026-10-20T12:00:00Z  publish: payments-api 1.5.0 payments_api-1.5.0-py3-none-any.whl
    by github/acme/renamed, as its identity token proves
    allowed by registries/python/projects/payments-api.yaml#publishers/0 at {policy}
    registry python
    digest sha256:{digest}
    issuer {GITHUB}
    repository-id github:123456
    repository https://github.com/acme/renamed
    source commit {"d" * 40}
    ref refs/tags/v1.4.0
    pipeline https://github.com/acme/renamed/actions/runs/79/attempts/1
    workflow {RENAMED}
    environment pypi
    actor github:ann
    ledger commit {commit}
"""
    )


@PLACES
def test_what_was_only_said_reads_like_that_and_is_found_only_where_it_is_asked_for(calm: Server, place: str) -> None:
    said = ask(calm, place, "tool").stdout.splitlines()
    assert f"    declared source commit {'a' * 40} (said by the uploader, not verified)" in said
    assert f"    declared pipeline {RUN} (said by the uploader, not verified)" in said
    for question in (["--pipeline", RUN], ["--commit", "a" * 12]):
        assert TOOL[0] not in files(ask(calm, place, *question))
        assert TOOL[0] in files(ask(calm, place, *question, "--declared"))


@PLACES
def test_one_attempt_one_moment_and_a_git_repository_under_another_name_are_found(calm: Server, place: str) -> None:
    assert files(ask(calm, place, "--pipeline", f"{RUN}/attempts/2")) == [SOURCES[0]]
    assert files(ask(calm, place, "--pipeline", f"{RUN}/")) == [SOURCES[0], CLIENT[0], FIRST[0]]
    assert files(ask(calm, place, "--pipeline", f"{RUN}0")) == ["payments_api-1.3.0-py3-none-any.whl"]
    assert files(ask(calm, place, "--pipeline", RUN[:-1])) == []
    by_id = ask(calm, place, "--repository", "github:123456", "--since", "2026-10-02", "--until", "2026-10-30")
    assert files(by_id) == [SECOND[0], OTHER[0]]
    assert files(ask(calm, place, "--until", "2026-09-30T23:59:59Z")) == ["payments_api-1.3.0-py3-none-any.whl"]
    assert files(ask(calm, place, "payments-cli", "--until", "2026-10-01")) == [CLIENT[0]]


@pytest.mark.parametrize(
    ("arguments", "why", "code"),
    [
        (["--commit", "HEAD"], "'HEAD' is not a commit id; send its first 7 hex digits", 2),
        (["--until", "later"], "'later' is neither a date, nor a time", 2),
        (["--yes"], "--yes and --reason belong to 'waybill log --yank'", 1),
        (["--yank", "--yes"], "name a pipeline, a commit or a git repository", 1),
        (["--policy", "--commit", "a" * 7], "with --policy, only", 1),
        (["--policy", "--yank"], "with --policy, only", 1),
    ],
)
@PLACES
def test_what_cannot_be_meant_is_refused(calm: Server, place: str, arguments: list[str], why: str, code: int) -> None:
    done = ask(calm, place, *arguments)
    assert (done.returncode, done.stdout, why in done.stderr) == (code, "", True), done.stderr
    assert "Traceback" not in done.stderr


@PLACES
def test_what_a_pipeline_published_is_shown_before_it_is_yanked(acme: Server, place: str) -> None:
    done = guided(acme, "A runner was compromised", place)
    assert (done.returncode, done.stdout) == (
        0,
        f"""\
payments-api 1.4.0  in python
    {FIRST[0]}
    {SOURCES[0]}
    and with it {OTHER[0]}, which comes from elsewhere
payments-cli 1.4.0  in python
    {CLIENT[0]}
""",
    )
    again = "Nothing was changed. To yank 2 of 2 releases, repeat the command with --yes\n"
    assert done.stderr == again
    assert not any(file["yanked"] for file in listed(acme, "payments-api").values())
    done = ask(acme, place, "--pipeline", RUN, "--yank", "--reason", "the runner", "--yes")
    assert done.returncode == 0
    assert done.stderr == "payments-api 1.4.0 is yanked\npayments-cli 1.4.0 is yanked\n2 of 2 releases yanked\n"
    yanked = {name for name, file in listed(acme, "payments-api").items() if file["yanked"] == "the runner"}
    assert yanked == {FIRST[0], SOURCES[0], OTHER[0]}
    done = ask(acme, place, "--pipeline", RUN, "--yank", "--reason", "twice", "--yes", "--json")
    assert [(one["project"], one["reason"]) for one in json.loads(done.stdout)] == [
        ("payments-api", "the runner"),
        ("payments-cli", "the runner"),
    ]
    assert yanks(acme) == 2
    shown = ask(acme, place, "--pipeline", RUN, "--yank")
    assert "payments-cli 1.4.0  in python  (yanked already: the runner)" in shown.stdout
    assert shown.stderr == "2 of 2 releases yanked\n"


def yanks(server: Server) -> int:
    return len(run_git(server.git, "log", "--grep=^Waybill-Event: yank$", "--format=%H", "ledger").split())


def test_a_yank_of_many_that_is_killed_is_finished_by_the_same_command(acme: Server) -> None:
    command = [*WAYBILL, "log", "--data", str(acme.data), "--repository", "github:123456", "--yank", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=CLEAN) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "payments-api 1.3.0 is yanked\n"
        process.send_signal(signal.SIGKILL)
    before = yanks(acme)
    assert before >= 1
    assert waybill(*command[len(WAYBILL) :]).stderr.endswith("6 of 6 releases yanked\n")
    assert yanks(acme) == 6
    assert run_git(acme.git, "fsck", "--strict", "--no-dangling") == ""


def test_whoever_may_not_yank_a_release_is_told_and_the_others_are_yanked(acme: Server) -> None:
    grants = "[{role: write, to: [carol], projects: [payments-cli]}, {role: read, to: [carol], projects: ['pay*']}]"
    acme.set_policy({"registries/python/registry.yaml": f"projects: open\ngrants: {grants}\n"})
    carol = acme.token_for("carol")
    done = ask(acme, "--url", "--pipeline", RUN, "--yank", "--yes", token=carol)
    assert done.returncode == 1
    refused, yanked, summary = done.stderr.splitlines()
    assert refused.startswith("payments-api 1.4.0 was not yanked: 403 carol may not yank payments-api in python")
    assert (yanked, summary) == (
        "payments-cli 1.4.0 is yanked",
        "1 of 2 releases could not be yanked; mend that, and repeat the command",
    )
    done = ask(acme, "--url", "--pipeline", RUN, "--yank", token=acme.token_for("bob"))
    assert (done.returncode, done.stderr) == (0, "Nothing that is still here was published or promoted like that\n")


def test_a_token_that_only_reads_yanks_nothing(acme: Server) -> None:
    reading = acme.token_for("alice", "--role", "read")
    done = ask(acme, "--url", "--pipeline", RUN, "--yank", "--yes", token=reading)
    assert (done.returncode, yanks(acme)) == (1, 0)
    assert "2 of 2 releases could not be yanked" in done.stderr


def test_uv_brings_what_a_pipeline_signed_and_what_does_not_verify_is_not_published(acme: Server, desk: Desk) -> None:
    transparency().trusted(acme.data)
    acme.set_policy({"waybill.yaml": f"organization: acme\nurl: {acme.url}\nadmins: [alice]\n"})

    def uploaded(archive: Archive, content: bytes) -> Done:
        path = desk.save(archive)
        attestation = transparency().attest(path.name, content)
        desk.write(f"dist/{path.name}.publish.attestation", json.dumps(attestation))
        return desk.uv("publish", "--publish-url", acme.upload_url, "--token", acme.token, f"dist/{path.name}*")

    signed, other = wheel("signed", "1.0"), wheel("signed", "2.0")
    done = uploaded(signed, signed[1])
    assert done.returncode == 0, done.stderr
    done = uploaded(other, signed[1])
    assert done.returncode != 0
    assert "attestations/0: it is about a file of this name with another content" in done.stderr
    [file] = listed(acme, "signed").values()
    status, text = http(file["provenance"], acme.token, kind="*/*")
    assert status == 200
    [bundle] = json.loads(text)["attestation_bundles"]
    assert bundle["publisher"]["repository"] == "acme/payments"
    assert ask(acme, "--data", "signed").stdout.count("    attestations sha256:") == 1


def test_the_credential_for_a_ci_systems_api_is_read_from_a_file_or_refused_in_words(tmp_path: Path) -> None:
    server = new_server(tmp_path)
    file = tmp_path / "token"
    server.environment = {"WAYBILL_BITBUCKET_TOKEN_FILE": str(file)}
    with pytest.raises(RuntimeError, match=r"WAYBILL_BITBUCKET_TOKEN_FILE: .* cannot be read"):
        server.start()
    file.write_text("of-the-operator\n")
    try:
        server.start()
        assert server.stop() == 0
    finally:
        server.kill()
    assert "of-the-operator" not in server.log()
