"""`waybill mint`: whatever CI job it runs in, the job's identity becomes a password that the usual clients take."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.ci_plugins.jobs import COMMIT, REQUESTER, SYSTEMS, Ground, Job, new_job
from tests.ci_plugins.outcome import installed, no_secret_in, published
from tests.issuer import AUDIENCE
from tests.journeys import tools
from tests.running import WAYBILL


def given(ground: Ground, system: str) -> dict[str, str]:
    """Give a job its identity, in the way of its system."""
    match system:
        case "github":
            url = f"{ground.tokens}token?system=github"
            return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUESTER}
        case "gitlab" | "jenkins":
            return {"WAYBILL_ID_TOKEN": ground.token(system)}
        case "bitbucket":
            return {"BITBUCKET_STEP_OIDC_TOKEN": ground.token(system, [AUDIENCE])}
    return {}  # its own program gives it


def mint(job: Job, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*WAYBILL, "mint", "--url", job.ground.url, *options]
    env = {**job.env, "PYTHONPATH": str(Path(__file__).parent.parent.parent), **env}
    return subprocess.run(command, cwd=job.folder, env=env, capture_output=True, text=True, check=False, timeout=60)


def begun(ground: Ground, system: str, folder: Path, project: str) -> Job:
    job = new_job(ground, system, folder, project)
    job.variables.update(given(ground, system))
    return job


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_jobs_identity_becomes_a_token_alone_on_stdout(ground: Ground, system: str, folder: Path) -> None:
    job = begun(ground, system, folder, f"minted-{system}")
    done = mint(job)
    assert done.returncode == 0, done.stderr
    token = done.stdout.removesuffix("\n")
    assert token.startswith("wb_")
    assert "\n" not in token
    if system == "github":
        assert done.stderr == f"::add-mask::{token}\n"
    else:
        assert done.stderr == ""
    if system == "buildkite":
        assert job.recorded("redacted") == token
    job.has("uv")
    login = {"UV_PUBLISH_USERNAME": "__token__", "UV_PUBLISH_PASSWORD": token}
    files = sorted(map(str, (folder / "dist").iterdir()))
    publish = ["uv", "publish", "--trusted-publishing", "never", "--publish-url", f"{ground.url}/python/", *files]
    assert job.run(publish, **login) == 0, job.said
    facts = published(job)
    if system in {"bitbucket", "circleci"}:
        assert facts["Declared-Commit"] == COMMIT


# How each client takes address, user name and password from its environment; docs say the same.
CLIENTS = {
    "twine": (
        ["twine", "upload", "--non-interactive", "{wheel}", "{sdist}"],
        "TWINE_{}",
        "REPOSITORY_URL",
        "USERNAME",
        "PASSWORD",
    ),
    "poetry": (
        ["poetry", "publish", "--no-interaction", "--repository", "waybill"],
        "POETRY_{}",
        "REPOSITORIES_WAYBILL_URL",
        "HTTP_BASIC_WAYBILL_USERNAME",
        "HTTP_BASIC_WAYBILL_PASSWORD",
    ),
    "hatch": (["hatch", "publish", "--no-prompt", "{wheel}", "{sdist}"], "HATCH_INDEX_{}", "REPO", "USER", "AUTH"),
    "flit": (["flit", "publish"], "FLIT_{}", "INDEX_URL", "USERNAME", "PASSWORD"),
}
_PROJECT = """\
[build-system]
requires = ["flit_core>=3.12"]
build-backend = "flit_core.buildapi"
[project]
name = "{name}"
version = "1.4.0"
requires-python = ">=3.11"
description = "What it is"
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_the_token_is_a_password_for_every_client(ground: Ground, client: str, folder: Path) -> None:
    project = f"by-{client}"
    job = begun(ground, "bitbucket", folder, project)
    command, form, *names = CLIENTS[client]
    (folder / "pyproject.toml").write_text(_PROJECT.format(name=project))
    (folder / f"{project.replace('-', '_')}.py").write_text('"""What it is."""\n')
    password = mint(job).stdout.strip()
    values = (f"{ground.url}/python/", "__token__", password)
    env = {form.format(name): value for name, value in zip(names, values, strict=True)}
    wheel, sdist = (str(folder / "dist" / name) for name in job.files)
    filled = [str(tools.program(client)), *(part.format(wheel=wheel, sdist=sdist) for part in command[1:])]
    assert job.run(filled, **env) == 0, job.said
    published(job)
    installed(job)
    assert no_secret_in(job.said)


def test_burn_ends_the_token_and_says_nothing_of_others(ground: Ground, folder: Path) -> None:
    job = begun(ground, "gitlab", folder, "burned")
    token = mint(job).stdout.strip()
    assert mint(job, "--burn", WAYBILL_TOKEN=token).returncode == 0
    assert mint(job, "--burn", WAYBILL_TOKEN="wb_nobodys").returncode == 0
    job.has("uv")
    publish = ["uv", "publish", "--trusted-publishing", "never", "--publish-url", f"{ground.url}/python/"]
    login = {"UV_PUBLISH_USERNAME": "__token__", "UV_PUBLISH_PASSWORD": token}
    assert job.run([*publish, *map(str, (folder / "dist").glob("*.whl"))], **login) != 0
    assert "401" in job.said
    done = mint(job, "--burn")
    assert done.returncode == 1
    assert "WAYBILL_TOKEN is not set" in done.stderr


def test_json_has_the_time_it_ends(ground: Ground, folder: Path) -> None:
    said = json.loads(mint(begun(ground, "jenkins", folder, "timed"), "--json").stdout)
    assert set(said) == {"token", "expires"}


def test_a_refusal_is_the_registrys_and_has_the_statement(ground: Ground, folder: Path) -> None:
    job = new_job(ground, "gitlab", folder, "nobodys")
    job.variables["WAYBILL_ID_TOKEN"] = ground.token("gitlab", project_id="777", job_project_id="777")
    done = mint(job)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'project_id: "777"' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({}, "This is no CI job that has an identity token"),
        ({"GITLAB_CI": "true"}, "This is no CI job that has an identity token"),
        ({"GITLAB_CI": "true", "WAYBILL_ID_TOKEN": "x"}, "The token is not a signed JWT"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "{tokens}token?system=github", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, "401"),
        ({"BUILDKITE": "true", "PATH": "/nowhere"}, "buildkite-agent is not installed here"),
        ({"CIRCLECI": "true", "JOB_TOKENS": "http://127.0.0.1:1/"}, "circleci gives this job no identity token"),
        ({"GITLAB_CI": "true", "WAYBILL_ID_TOKEN": "x", "SSL_CERT_FILE": "/dev/null"}, "does not answer: "),
    ],
)
def test_what_is_missing_is_said_and_stdout_stays_empty(
    ground: Ground, folder: Path, env: dict[str, str], why: str
) -> None:
    job = new_job(ground, "gitlab", folder, "lacking")
    done = mint(job, **{"GITLAB_CI": "", **{name: value.format(tokens=ground.tokens) for name, value in env.items()}})
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_is_sent_unprotected_to_nobody(ground: Ground, folder: Path) -> None:
    job = begun(ground, "gitlab", folder, "unprotected")
    done = mint(job, "--url", "http://packages.acme.example")
    assert done.returncode == 1
    assert "http://packages.acme.example is not https" in done.stderr
