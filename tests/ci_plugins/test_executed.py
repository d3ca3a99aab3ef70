"""Every pipeline that `waybill ci` writes publishes, with no stored secret, by the statement printed with it."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from registry.cli import main
from registry.policy.claims import fit
from registry.policy.parse import organization, project_file
from tests.ci_plugins.jobs import ANOTHERS, CLAIMS, COMMIT, Ground, Job, new_job
from tests.ci_plugins.outcome import STYLES, installed, no_secret_in, published, written
from tests.ci_plugins.runners import KEPT, RUNNERS
from tests.claim_sets import ISSUERS
from tests.running import run_git, waybill

PAGES = {
    "github": "https://github.com/acme/payments/actions/runs/77/attempts/1",
    "gitlab": "https://gitlab.com/acme/payments/-/pipelines/77",
    "bitbucket": "bitbucket:{1c3e7b63-a106-4b5c-9c6b-4dae602f8b21}/pipelines/{4f6bae96-d439-4e8f-8f9e-70db935cbe54}",
    "buildkite": "https://buildkite.com/acme/payments/builds/77",
    "circleci": "",
    "jenkins": "https://jenkins.acme.example/job/payments/job/release/77/",
}
PROVEN = {  # besides the pipeline
    "github": {"Repository": "https://github.com/acme/payments", "Commit": COMMIT},
    "gitlab": {"Repository": "https://gitlab.com/acme/payments", "Commit": COMMIT},
    "bitbucket": {"Repository-Id": "bitbucket:{1c3e7b63-a106-4b5c-9c6b-4dae602f8b21}", "Declared-Commit": COMMIT},
    "buildkite": {"Commit": COMMIT, "Ref": "refs/tags/v1.4.0"},
    "circleci": {"Repository": "https://github.com/acme/payments", "Ref": "refs/tags/v1.4.0"},
    "jenkins": {"Declared-Commit": COMMIT, "Declared-Ref": "refs/tags/v1.4.0"},
}


class Runs:
    """Runs of the pipelines, each once, for the tests that look at what came of it."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground, self._folder = ground, folder
        self._jobs: dict[tuple[str, str], Job] = {}

    def __getitem__(self, which: tuple[str, str]) -> Job:
        if which not in self._jobs:
            system, style = which
            project = f"{system}-{style}"
            job = self._jobs[which] = new_job(self._ground, system, self._folder / project, project)
            code = RUNNERS[system](job, written(self._ground.url, system, style, project))
            assert code == 0, job.said
        return self._jobs[which]


@pytest.fixture(scope="module")
def runs(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(ground, tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_a_pasted_pipeline_publishes_and_the_log_names_it(runs: Runs, system: str, style: str) -> None:
    job = runs[system, style]
    facts = published(job)
    assert facts.get("Pipeline", "") == PAGES[system]
    assert facts.items() >= PROVEN[system].items()
    assert facts["Trust"] == "oidc"
    assert facts["Allowed-By"] == f"registries/python/projects/{job.project}.yaml#publishers/0"
    logged = waybill("log", job.project, "--data", str(job.ground.server.data)).stdout
    assert all(value in logged for name, value in facts.items() if name in {"Pipeline", "Repository", "Commit"})
    installed(job)
    assert no_secret_in(job.said)


@pytest.mark.parametrize(("system", "style"), [one for one in STYLES if one[0] != "circleci"])
def test_a_summary_stands_where_people_look(runs: Runs, system: str, style: str) -> None:
    job = runs[system, style]
    index = f"{job.ground.url}/python/simple/"
    match system:
        case "github":
            shown = job.recorded("summary")
            assert all(f"| {name} | " in shown for name in job.files)
        case "gitlab":
            shown = artifact(job, "waybill-annotations.json")
            assert json.loads(shown)["Waybill"][0]["external_link"]["url"].startswith(index)
        case "bitbucket":
            report = json.loads(job.recorded("report"))
            assert report["path"].endswith(f"/2.0/repositories/acme/payments/commit/{COMMIT}/reports/waybill-77")
            assert report["body"]["result"] == "PASSED"
            assert report["body"]["link"].startswith(index)
        case "buildkite":
            assert all(name in job.recorded("annotation") for name in job.files)
            assert "--style success" in job.recorded("annotation-options")
        case "jenkins":
            assert all(name in job.said for name in job.files)


@pytest.mark.parametrize("system", KEPT)
def test_a_plugins_outputs_are_the_same_everywhere(runs: Runs, system: str) -> None:
    job = runs[system, "plugin"]
    match system:
        case "github":
            said = json.loads(job.recorded("outputs"))
            files, index = said["files"], said["index-url"]
        case "buildkite":
            files, index = job.recorded("waybill-files"), job.recorded("waybill-index-url")
        case "jenkins":
            said = json.loads(job.said.rpartition("returned ")[2])
            files, index = said["files"], said["indexUrl"]
        case _:
            text = artifact(job, "waybill.env") if system == "gitlab" else (job.folder / "waybill.env").read_text()
            said = dict(line.split("=", 1) for line in text.splitlines())
            files, index = said["WAYBILL_FILES"], said["WAYBILL_INDEX_URL"]
    assert sorted(json.loads(files)) == sorted(job.files)
    assert index == f"{job.ground.url}/python/simple/"


def artifact(job: Job, name: str) -> str:
    """Read what gitlab-ci-local kept of a job."""
    return next((job.folder / ".gitlab-ci-local" / "artifacts").rglob(name)).read_text()


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_a_pipeline_that_nobody_trusts_publishes_nothing_and_says_what_to_propose(
    ground: Ground, system: str, style: str, folder: Path
) -> None:
    project = f"nobodys-{system}-{style}"
    job = new_job(ground, system, folder, project)
    ground.changes = ANOTHERS[system]
    try:
        code = RUNNERS[system](job, written(ground.url, system, style, project))
    finally:
        ground.changes = {}
    assert code != 0
    assert "No publisher in the policy of acme fits this token" in job.said
    assert f'provider: "{system}"' in job.said.replace("\\", "")
    assert no_secret_in(job.said)
    (folder / "log").write_text(job.said)
    (publisher,) = project_file(looked_up(folder / "log").encode(), "p.yaml", project).publishers
    claims = {**CLAIMS[system], **ANOTHERS[system]}
    assert fit(publisher, claims, organization(ISSUERS.encode(), "waybill.yaml")).good
    assert not run_git(ground.server.git, "log", "--format=%h", "ledger", "--grep", f"^Project: {project}$")


def looked_up(log: Path) -> str:
    """Let `waybill publisher lookup` find the statement in a log."""
    with redirect_stdout(StringIO()) as said:
        assert main(["publisher", "lookup", str(log)]) == 0
    return said.getvalue()


@pytest.mark.parametrize("system", KEPT)
def test_what_fails_the_check_is_never_published_by_a_plugin(ground: Ground, system: str, folder: Path) -> None:
    job = new_job(ground, system, folder, f"spoilt-{system}")
    for copy in ("dist", ".artifacts/dist"):
        (folder / copy / job.files[0]).write_bytes(b"no zip")
    code = RUNNERS[system](job, written(ground.url, system, "plugin", job.project))
    assert code != 0
    assert not run_git(ground.server.git, "log", "--format=%h", "ledger", "--grep", f"^Project: {job.project}$")
