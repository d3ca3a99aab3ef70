"""What CI systems give their jobs, as far as publishing needs it: variables, programs, and identity tokens on demand.

A job gets a token only if its pipeline asks for one in the way of its system, and with no more in it than it asks for.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from registry.pipelines.base import TWINE, UV
from registry.policy.case import Claim, Claims
from tests import claim_sets
from tests.archives import sdist, wheel
from tests.issuer import AUDIENCE, Issuer
from tests.journeys.clients import SCHEMES
from tests.journeys.tools import SCRIPTS
from tests.running import CLEAN, Server

SYSTEMS = ("github", "gitlab", "bitbucket", "buildkite", "circleci", "jenkins")
COMMIT = "a" * 40
REQUESTER = "may-ask-for-identity-tokens"  # GitHub's bearer token
_HOME = Path(__file__).parent / "bin"
_ASKED = ("organization_id", "pipeline_id")  # which Buildkite adds only for who asks
_number = itertools.count()

CLAIMS: Mapping[str, Claims] = {
    "github": {**claim_sets.GITHUB, "environment": "release"},
    "gitlab": {**claim_sets.GITLAB, "environment": "release"},
    "bitbucket": {name: value for name, value in claim_sets.BITBUCKET.items() if name != "branchName"},
    "buildkite": claim_sets.BUILDKITE,
    "circleci": claim_sets.CIRCLECI,
    "jenkins": claim_sets.JENKINS,
}
# What `waybill ci` is told, by --set.
KNOWN: Mapping[str, Mapping[str, Claim]] = {
    "github": {"repository": "acme/payments", "repository_id": "123456", "owner_id": "42"},
    "gitlab": {"project": "acme/payments", "project_id": "123456", "namespace_id": "42"},
    "bitbucket": {
        "repository": "acme/payments",
        "workspace_uuid": claim_sets.WORKSPACE,
        "repository_uuid": claim_sets.REPOSITORY,
        "deployment_environment_uuid": claim_sets.ENVIRONMENT,
    },
    "buildkite": {"organization": "acme", "pipeline": "payments", "organization_id": "0a1b", "pipeline_id": "7f"},
    "circleci": {
        "organization_id": claim_sets.ORGANIZATION,
        "project_id": claim_sets.PROJECT,
        "vcs_origin": "github.com/acme/payments",
    },
    "jenkins": {"issuer": claim_sets.JENKINS["iss"], "job": claim_sets.JENKINS["sub"]},
}
# What the token of another pipeline says.
ANOTHERS: Mapping[str, Claims] = {
    "github": {"repository_id": "777"},
    "gitlab": {"project_id": "777", "job_project_id": "777"},
    "bitbucket": {"repositoryUuid": "{9c3e7b63-a106-4b5c-9c6b-4dae602f8b21}"},
    "buildkite": {"pipeline_id": "777"},
    "circleci": {"oidc.circleci.com/project-id": "9c3e7b63-a106-4b5c-9c6b-4dae602f8b21"},
    "jenkins": {"sub": "https://jenkins.acme.example/job/eve/"},
}
VARIABLES: Mapping[str, Mapping[str, str]] = {
    "github": {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/payments", "GITHUB_RUN_ID": "77"},
    "gitlab": {"GITLAB_CI": "true", "CI_COMMIT_TAG": "v1.4.0", "CI_COMMIT_REF_PROTECTED": "true"},
    "bitbucket": {
        "BITBUCKET_COMMIT": COMMIT,
        "BITBUCKET_TAG": "v1.4.0",
        "BITBUCKET_BUILD_NUMBER": "77",
        "BITBUCKET_REPO_FULL_NAME": "acme/payments",
    },
    "buildkite": {"BUILDKITE": "true", "BUILDKITE_COMMIT": COMMIT, "BUILDKITE_TAG": "v1.4.0"},
    "circleci": {"CIRCLECI": "true", "CIRCLE_SHA1": COMMIT},
    "jenkins": {
        "JENKINS_URL": "https://jenkins.acme.example/",
        "BUILD_URL": "https://jenkins.acme.example/job/payments/job/release/77/",
        "TAG_NAME": "v1.4.0",
        "WAYBILL_COMMIT": COMMIT,
    },
}


@dataclass
class Ground:
    """A registry behind TLS that trusts pipelines, and the issuers of their tokens."""

    server: Server
    url: str
    authority: Path  # the certificate that clients trust
    issuers: Mapping[str, Issuer]
    tokens: str = ""  # where jobs ask for identity tokens
    changes: Mapping[str, Claim] = field(default_factory=dict)  # what they say instead, for now

    def token(self, system: str, audience: str | list[str] = AUDIENCE, **changes: Any) -> str:
        """Make an identity token as no other job of a system has it."""
        unique = {"jti": f"job-{next(_number)}"} if system not in {"bitbucket", "buildkite"} else {"jti": None}
        # Without a jti, the registry knows a token by its bytes.
        own = {"stepUuid": f"{{{next(_number)}}}"} if system == "bitbucket" else {}
        own |= {"job_id": f"job-{next(_number)}"} if system == "buildkite" else {}
        return self.issuers[system].token(CLAIMS[system], aud=audience, **{**unique, **own, **self.changes, **changes})


@dataclass
class Job:
    """One job of a system, in a folder of its own, with what its build made in `dist`."""

    ground: Ground
    system: str
    folder: Path
    project: str
    files: Sequence[str] = ()
    variables: dict[str, str] = field(default_factory=dict)
    said: str = ""  # all that its log has

    @property
    def env(self) -> dict[str, str]:
        """Its variables, with the programs that its machine has and nothing of ours."""
        path = f"{self.folder}/.bin:{_HOME}:/usr/local/bin:/usr/bin:/bin"
        trust = {name: str(self.ground.authority) for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")}
        clean = {name: value for name, value in CLEAN.items() if name.lower() not in SCHEMES and name != "CI"}
        return {
            **clean, **trust, "PATH": path, "HOME": str(self.folder), "CI": "true",
            "COLUMNS": "1000",  # of the terminal that some systems give a job: clients break what they say to fit
            "UV_CACHE_DIR": str(self.folder / ".uv-cache"), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "JOB_TOKENS": self.ground.tokens, "JOB_SCRIPTS": str(SCRIPTS), "JOB_PYTHON": sys.executable,
            "JOB_UV": UV, "JOB_TWINE": TWINE, "JOB_RECORD": str(self.folder / ".record"),
            "JOB_ARTIFACTS": str(self.folder / ".artifacts"),
            **VARIABLES[self.system], **self.variables,
        }  # fmt: skip

    def run(self, command: Sequence[str], stdin: str = "", **env: str) -> int:
        """Run something as the job does, and keep what it said.

        Returns:
            Its exit code.
        """
        done = subprocess.run(
            command, cwd=self.folder, env={**self.env, **env}, input=stdin, text=True, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.said += done.stdout
        return done.returncode

    def has(self, *programs: str) -> None:
        """Put programs of the tests' own environment on the job's machine."""
        (self.folder / ".bin").mkdir(exist_ok=True)
        for name in programs:
            (self.folder / ".bin" / name).symlink_to(SCRIPTS / name)

    def recorded(self, name: str) -> str:
        """Read what a program of the CI system was given."""
        return (self.folder / ".record" / name).read_text()


def new_job(ground: Ground, system: str, folder: Path, project: str, version: str = "1.4.0") -> Job:
    """Make a job whose build has made a wheel and an sdist."""
    (folder / "dist").mkdir(parents=True)
    (folder / ".record").mkdir()
    about = {"headers": ["Summary: s", "Description-Content-Type: text/markdown"], "body": "# What it is\n"}
    made = [wheel(project, version, **about), sdist(project, version, **about)]  # type: ignore[arg-type]  # one mapping for both
    for name, data in made:
        (folder / "dist" / name).write_bytes(data)
    shutil.copytree(folder / "dist", folder / ".artifacts" / "dist")
    return Job(ground, system, folder, project, [name for name, _ in made])


@contextmanager
def giving_tokens(ground: Ground) -> Iterator[str]:
    """Answer jobs that ask for identity tokens: GitHub's own form, which the other systems' programs here use too."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            body = b""
            if (
                self.headers["Authorization"] in {f"bearer {REQUESTER}", f"Bearer {REQUESTER}"}
                or "github" not in self.path
            ):
                lacking = _ASKED if query["system"] == "buildkite" else ()
                changes = {claim: None for claim in lacking if claim not in query.get("claims", "").split(",")}
                token = ground.token(query["system"], query["audience"], **changes)
                body = json.dumps({"count": 1, "value": token}).encode()
            self.send_response(200 if body else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


assert os.access(_HOME / "buildkite-agent", os.X_OK)
