"""Runs the publishing job of a pipeline, as its system does: the part of each that the pipelines here use.

What a runner does not know is an error, so that nothing is left out unseen.
"""

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.ci_plugins.jobs import REQUESTER, Job
from tests.running import run_git
from tests.tracing import lacking

PLUGINS = Path(__file__).parent.parent.parent / "ci-plugins"
# Where the pipelines of these tests say that the plugins are kept.
KEPT = {
    "github": "acme/waybill-publish@" + "c" * 40,
    "gitlab": "$CI_SERVER_FQDN/$CI_PROJECT_PATH/publish@$CI_COMMIT_SHA",
    "bitbucket": "docker://acme/waybill-publish:1.0.0",
    "buildkite": "acme/waybill-publish#v1.0.0",
    "jenkins": "waybill@1.0.0",
}
_EXPRESSION = re.compile(r"\$\{\{ *([a-z.-]+) *\}\}")
TOOLS = Path(__file__).parent.parent.parent / ".tools"  # by .ci/tools


def github(job: Job, pipeline: str, name: str = "publish") -> int:
    """Run a job of a workflow."""
    asked = yaml.safe_load(pipeline)["jobs"][name]
    if asked["permissions"].get("id-token") == "write":
        job.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{job.ground.tokens}token?system=github"
        job.variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = REQUESTER
    job.variables["GITHUB_STEP_SUMMARY"] = str(job.folder / ".record" / "summary")
    assert not [step for step in asked["steps"] if "checkout" in step.get("uses", "")]
    contexts: dict[str, str] = {}
    return next((code for step in asked["steps"] if (code := _github_step(job, step, contexts))), 0)


def _github_step(job: Job, step: Mapping[str, Any], contexts: dict[str, str]) -> int:
    uses = step.get("uses", "")
    action, _, version = uses.partition("@")
    assert not uses or re.fullmatch("[0-9a-f]{40}", version), f"{uses} is not pinned"
    if action == "actions/download-artifact":
        assert step["with"] == {"name": "dist", "path": "dist"}
    elif action == "astral-sh/setup-uv":
        assert step["with"]["version"] == job.env["JOB_UV"]
        job.has("uv")
    elif uses == KEPT["github"]:
        return composite(job, PLUGINS / "github", step["with"])
    elif uses:
        raise AssertionError(f"{uses} is not known here")
    else:
        assert "${{" not in step["run"], "an expression in a script is code of whoever writes its value"
        output = job.folder / ".record" / f"output-{step.get('id', '')}"
        env = {name: _resolved(str(value), contexts) for name, value in step.get("env", {}).items()}
        env["GITHUB_OUTPUT"] = str(output)
        code = job.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], **env)
        if output.exists() and "id" in step:
            for line in output.read_text().splitlines():
                key, _, value = line.partition("=")
                contexts[f"steps.{step['id']}.outputs.{key}"] = value
        return code
    return 0


def composite(job: Job, folder: Path, given: Mapping[str, str]) -> int:
    """Run a composite action; its outputs are recorded."""
    action = yaml.safe_load((folder / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    assert set(given) <= set(action["inputs"]), "an input that the action does not have"
    inputs = {name: given.get(name, one.get("default", "")) for name, one in action["inputs"].items()}
    contexts = {f"inputs.{name}": str(value) for name, value in inputs.items()}
    job.variables["GITHUB_ACTION_PATH"] = str(folder)
    for step in action["runs"]["steps"]:
        assert "uses" in step or step["shell"] == "bash"
        if code := _github_step(job, step, contexts):
            return code
    outputs = {name: _resolved(one["value"], contexts) for name, one in action["outputs"].items()}
    (job.folder / ".record" / "outputs").write_text(json.dumps(outputs))
    return 0


def _resolved(text: str, contexts: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: contexts[found[1]], text)


def gitlab(job: Job, pipeline: str) -> int:
    """Run the whole pipeline by gitlab-ci-local, but for the build's script: what it makes is there already."""
    tool = TOOLS / "npm" / "node_modules" / ".bin" / "gitlab-ci-local"
    if not tool.exists() or not shutil.which("rsync"):
        lacking("gitlab-ci-local or rsync is not installed")
    asked = yaml.safe_load(pipeline)
    asked["build"]["script"] = ["cp -r .built dist"]
    (job.folder / "dist").rename(job.folder / ".built")
    (job.folder / ".gitlab-ci.yml").write_text(yaml.safe_dump(asked, sort_keys=False))
    (job.folder / ".gitignore").write_text(".artifacts\n.record\n.bin\n.uv-cache\n.gitlab-ci-local\n.cache\n")
    for template in (PLUGINS / "gitlab" / "templates").iterdir():
        (job.folder / "templates").mkdir(exist_ok=True)
        shutil.copy(template, job.folder / "templates")
    run_git(job.folder, "init", "-q", "-b", "main")
    run_git(job.folder, "remote", "add", "origin", "https://gitlab.com/acme/payments.git")
    run_git(job.folder, "add", "-A")
    run_git(job.folder, "-c", "user.name=ann", "-c", "user.email=ann@acme.example", "commit", "-q", "-m", "x")
    component = yaml.safe_load_all((PLUGINS / "gitlab" / "templates" / "publish.yml").read_text())
    jobs = [asked["publish"]] if "publish" in asked else list(list(component)[1].values())
    tokens = {name: one["aud"] for name, one in jobs[0]["id_tokens"].items()}
    if "include" in asked:
        tokens = dict.fromkeys(tokens, asked["include"][0]["inputs"]["audience"])
    assert jobs[0]["variables"]["GIT_STRATEGY"] == "none"
    variables = {**job.variables, **{name: job.ground.token("gitlab", aud) for name, aud in tokens.items()}}
    variables |= {
        name: job.env[name] for name in ("GITLAB_CI", "CI_COMMIT_TAG", "CI_COMMIT_REF_PROTECTED", "PATH", "HOME")
    }
    options = [f"--variable={name}={value}" for name, value in variables.items()]
    options += ["--force-shell-executor", "--shell-isolation", "--no-color"]
    return job.run(["node", str(tool), *options], HOME=str(job.folder))


def bitbucket(job: Job, pipeline: str) -> int:
    """Run the step that publishes: its script in one shell, then what comes after it."""
    step = yaml.safe_load(pipeline)["pipelines"]["tags"]["v*"][-1]["step"]
    assert step["clone"] == {"enabled": False}
    job.variables["BITBUCKET_STEP_OIDC_TOKEN"] = job.ground.token("bitbucket", step["oidc"]["audiences"])
    lines = step["script"]
    with _signing_proxy(job.folder / ".record" / "report") as proxy:
        if isinstance(lines[0], dict):
            assert lines[0]["pipe"] == KEPT["bitbucket"]
            job.has("uv", "twine")
            env = {**lines[0]["variables"], "WAYBILL_BITBUCKET_PROXY": proxy}
            return job.run(["python3", str(PLUGINS / "bitbucket" / "pipe" / "pipe.py")], **env)
        code = job.run(["bash", "-e", "-c", "\n".join(lines)])
        after = "\n".join(step["after-script"])
        assert "http://localhost:29418" in after
        script = after.replace("http://localhost:29418", proxy)
        job.run(["bash", "-e", "-c", script], BITBUCKET_EXIT_CODE=str(code))
        return code


@contextmanager
def _signing_proxy(file: Path) -> Iterator[str]:
    """Be the proxy by which steps ask Bitbucket's API; what it is sent is recorded."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            file.write_text(json.dumps({"path": self.path, "body": json.loads(body)}))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def buildkite(job: Job, pipeline: str) -> int:
    """Run the step that publishes: its command, or the hook of its plugin."""
    step = yaml.safe_load(pipeline)["steps"][-1]
    assert step["checkout"] == {"skip": True}
    shutil.rmtree(job.folder / "dist")  # artifacts travel by the agent
    env = {name: value.replace("$$", "$") for name, value in step.get("env", {}).items()}
    if "plugins" not in step:
        return job.run(["bash", "-e", "-c", step["command"].replace("$$", "$")], **env)
    [(plugin, settings)] = step["plugins"][0].items()
    assert plugin == KEPT["buildkite"]
    job.has("uv")
    env |= {f"BUILDKITE_PLUGIN_WAYBILL_PUBLISH_{name.upper()}": value for name, value in settings.items()}
    return job.run(["bash", str(PLUGINS / "buildkite" / "hooks" / "command")], **env)


def circleci(job: Job, pipeline: str) -> int:
    """Run the steps of the job that publishes."""
    asked = yaml.safe_load(pipeline)["jobs"]["publish"]
    job.variables.update(asked["environment"])
    commands = [step["run"] for step in asked["steps"] if "run" in step]
    assert [step for step in asked["steps"] if "run" not in step] == [{"attach_workspace": {"at": "."}}]
    return next((code for command in commands if (code := job.run(["bash", "-eo", "pipefail", "-c", command]))), 0)


def jenkins(job: Job, pipeline: str) -> int:
    """Play the stage that publishes, in Groovy; the shared library is that of the plugin."""
    groovy, java = shutil.which("groovy"), shutil.which("java")
    if not groovy or not java:
        lacking("groovy or java is not installed")
    assert "checkout" not in pipeline[pipeline.index("stage('Publish')") :]
    (job.folder / "Jenkinsfile").write_text(pipeline)
    player, library = Path(__file__).with_name("jenkins.groovy"), PLUGINS / "jenkins"
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    machine = {"JAVA_HOME": str(Path(java).resolve().parent.parent), "JAVA_OPTS": quick}
    machine["JOB_IDENTITY"] = job.ground.token("jenkins")
    return job.run([groovy, str(player), "Jenkinsfile", "Publish", str(library)], **machine)


RUNNERS = {
    "github": github,
    "gitlab": gitlab,
    "bitbucket": bitbucket,
    "buildkite": buildkite,
    "circleci": circleci,
    "jenkins": jenkins,
}
