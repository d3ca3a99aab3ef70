"""What a registry is told before a job runs, and what it must have after it."""

import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from registry.cli import main
from tests.ci_plugins.jobs import KNOWN, Job
from tests.ci_plugins.runners import KEPT
from tests.issuer import AUDIENCE
from tests.running import CLEAN, run_git

# Where projects that have no file are published by anything that is trusted at all.
_PYTHON = """\
kind: source
visibility: private
projects: open
publishers:
"""
STYLES = [(system, style) for system in KNOWN for style in ("plain", "plugin") if style == "plain" or system in KEPT]


def written(url: str, system: str, style: str, project: str, *options: str) -> str:
    """Let `waybill ci` write something."""
    known = [f"--set={key}={value}" for key, value in KNOWN[system].items()]
    plugin = [f"--plugin={KEPT[system]}"] if style == "plugin" else []
    where = ["--url", url, "--audience", AUDIENCE, "--project", project]
    with redirect_stdout(StringIO()) as said, redirect_stderr(StringIO()):
        assert main(["ci", system, *where, *known, *plugin, *options]) == 0
    return said.getvalue()


def trusting(url: str) -> dict[str, str]:
    """Paste the statements of all pipelines into the policy, as they are."""
    files = {}
    for system, style in STYLES:
        statement = written(url, system, style, f"{system}-{style}", "--policy")
        files[f"registries/python/projects/{system}-{style}.yaml"] = f"protected: true\n{statement}"
    statements = [
        files[f"registries/python/projects/{system}-plain.yaml"].partition("publishers:\n")[2] for system in KNOWN
    ]
    return {**files, "registries/python/registry.yaml": _PYTHON + "".join(statements)}


def published(job: Job) -> dict[str, str]:
    """Read what C git says of the job's files, each of which must be there; give the trailers of one."""
    log = run_git(
        job.ground.server.git, "log", "--format=%(trailers:unfold)%x00", "ledger", "--grep", f"^Project: {job.project}$"
    )
    commits = [
        dict(line.split(": ", 1) for line in text.strip().splitlines()) for text in log.split("\0") if text.strip()
    ]
    assert sorted(facts["File"] for facts in commits) == sorted(job.files), job.said
    return commits[0]


def installed(job: Job) -> None:
    """Install what was published with pip."""
    index = job.ground.server.index_url()
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--index-url",
        index,
        "--target",
        str(job.folder / "site"),
    ]
    done = subprocess.run([*command, job.project], capture_output=True, text=True, check=False, env=CLEAN, timeout=60)
    assert done.returncode == 0, done.stderr


def no_secret_in(log: str) -> bool:
    """Tell whether neither an upload token nor an identity token is in a log, but where it is made to be hidden."""
    shown = "\n".join(line for line in log.splitlines() if not line.startswith("::add-mask::"))
    return not re.search(r"wb_[a-z0-9]{10}|eyJ[A-Za-z0-9_-]{20}", shown)
