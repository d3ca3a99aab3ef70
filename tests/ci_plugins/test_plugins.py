"""The plugins are what their platforms expect, alike in all that a person sees, and as their READMEs say."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.pipelines.base import TWINE, UV
from tests.ci_plugins.runners import KEPT, PLUGINS
from tests.ci_plugins.test_mint import CLIENTS
from tests.journeys.tools import SCRIPTS
from tests.tracing import need

INPUTS = {"url": None, "registry": "python", "dist": "dist", "client": "uv"}
SCRIPT = (PLUGINS / "github" / "publish.sh").read_text()
COPIES = ("bitbucket/pipe", "buildkite/lib", "jenkins/resources/waybill")
SHELL = [*(f"{copy}/publish.sh" for copy in COPIES), "github/publish.sh", "buildkite/hooks/command", "spread"]


def read(path: str) -> Any:
    return yaml.safe_load((PLUGINS / path).read_text())


def component() -> tuple[Any, Any]:
    spec, jobs = yaml.safe_load_all((PLUGINS / "gitlab/templates/publish.yml").read_text())
    return spec["spec"]["inputs"], next(iter(jobs.values()))


def inputs(system: str) -> dict[str, str | None]:
    """Read the inputs of a plugin, with their defaults."""
    match system:
        case "github":
            return {name: one.get("default") for name, one in read("github/action.yml")["inputs"].items()}
        case "gitlab":
            return {name: one.get("default") for name, one in component()[0].items() if name in INPUTS}
        case "bitbucket":
            variables = read("bitbucket/pipe.yml")["variables"]
            return {one["name"].lower(): one.get("default") for one in variables}
        case "buildkite":
            text = (PLUGINS / "buildkite/hooks/command").read_text()
            given = re.findall(r"BUILDKITE_PLUGIN_WAYBILL_PUBLISH_([A-Z]+):-([a-z]+)\}", text)
            assert set(read("buildkite/plugin.yml")["configuration"]["properties"]) == {*INPUTS, "step"}
            return {"url": None, **{name.lower(): default for name, default in given}}
    text = (PLUGINS / "jenkins/vars/waybillPublish.groovy").read_text()
    return {"url": None, **dict(re.findall(r"inputs\.(registry|dist|client) \?: '([a-z]+)'", text))}


@pytest.mark.parametrize("system", KEPT)
def test_the_inputs_and_their_defaults_are_the_same_everywhere(system: str) -> None:
    assert inputs(system) == INPUTS
    readme = (PLUGINS / system / "README.md").read_text()
    for name, default in INPUTS.items():
        shown = name.upper() if system == "bitbucket" else name
        assert f"`{shown}`" in readme
        assert default is None or f"`{default}`" in readme


def test_the_script_is_the_same_in_all_plugins() -> None:
    for copy in COPIES:
        assert (PLUGINS / copy / "publish.sh").read_text() == SCRIPT
    _, job = component()
    embedded = job["script"][0]
    assert embedded == f"cat >.waybill-publish.sh <<'END_OF_SCRIPT'\n{SCRIPT}END_OF_SCRIPT\n"


@pytest.mark.parametrize(
    "name", ["a\nWAYBILL_INDEX_URL=https:evil\nb-1.0.tar.gz", 'a", "b-1.0.tar.gz', "[a-z]-1.0.whl", "$(x).whl"]
)
def test_a_file_that_the_build_named_to_be_read_as_something_else_stops_all(tmp_path: Path, name: str) -> None:
    (tmp_path / "dist").mkdir()
    for each in ("payments_api-1!1.4.0+acme.1.tar.gz", name):
        (tmp_path / "dist" / each).touch()
    command, environment = (
        ["sh", str(PLUGINS / "github" / "publish.sh")],
        {"WAYBILL_URL": "https://localhost:1", "PATH": "/bin:/usr/bin"},
    )
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "waybill: dist: dist has a file whose name is no package's; does the build make it?\n"
    assert not (tmp_path / "waybill.env").exists()


@pytest.mark.parametrize("trace", ["+x", "-x"])
def test_a_token_is_in_no_log_also_when_its_answer_broke_off_and_when_the_shell_tells_all(
    tmp_path: Path, trace: str
) -> None:
    for program, does in (
        ("twine", ":"),
        ("curl", """printf '{"expires": 1, "token": "wb_0123456789_abcdef'; exit 18"""),
    ):
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "payments_api-1.4.0.tar.gz").touch()
    environment = {"PATH": f"{tmp_path}:/bin:/usr/bin", "WAYBILL_URL": "https://localhost:1", "WAYBILL_ID_TOKEN": "jwt"}
    command = ["bash", trace, str(PLUGINS / "github" / "publish.sh")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "wb_***" in done.stderr
    assert "wb_0" not in done.stdout + done.stderr
    assert "jwt" not in done.stdout + done.stderr


@pytest.mark.parametrize("file", SHELL)
def test_shellcheck_finds_nothing(file: str) -> None:
    done = subprocess.run(
        [SCRIPTS / "shellcheck", PLUGINS / file], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_buildkites_own_tests_pass() -> None:
    need("bats")
    done = subprocess.run(
        ["bats", "tests/"], cwd=PLUGINS / "buildkite", capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("1..9")


@pytest.mark.parametrize(
    ("schema", "file"),
    [("github-actions", "github/action.yml"), ("github-workflows", "github/.github/workflows/test.yml")],
)
def test_the_action_and_its_own_test_pass_their_schemas(schema: str, file: str) -> None:
    command = [str(SCRIPTS / "check-jsonschema"), "--builtin-schema", f"vendor.{schema}", str(PLUGINS / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_components_job_passes_gitlabs_schema(tmp_path: Path) -> None:
    known, _ = component()
    job = (PLUGINS / "gitlab/templates/publish.yml").read_text().partition("\n---\n")[2]
    given = {"url": "https://packages.acme.example", "audience": "packages.acme.example"}
    filled = re.sub(
        r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: given.get(found[1]) or known[found[1]]["default"], job
    )
    assert "$[[" not in filled
    (tmp_path / "ci.yml").write_text(f"stages: [build, publish]\nbuild: {{script: [make]}}\n{filled}")
    command = [str(SCRIPTS / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", str(tmp_path / "ci.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_versions_are_pinned_and_those_of_the_written_pipelines() -> None:
    for path in PLUGINS.rglob("*"):
        if not path.is_file():
            continue
        text = path.read_text()
        assert set(re.findall(r"\buv==([0-9.]+)", text)) <= {UV}, path
        assert set(re.findall(r"\btwine==([0-9.]+)", text)) <= {TWINE}, path
        assert set(re.findall(r'version: "([0-9.]+)", enable-cache', text)) <= {UV}, path
        for action in re.findall(r"uses: ([a-z-]+/.*)", text):
            assert re.match(r"[\w/-]+@[0-9a-f]{40} # v", action), path


def test_the_pipe_is_made_of_the_files_beside_it() -> None:
    docker = (PLUGINS / "bitbucket/Dockerfile").read_text()
    for copied in re.findall(r"COPY (.*) \S+\n", docker):
        assert all((PLUGINS / "bitbucket" / name).exists() for name in copied.split())
    needed = {"name", "image", "description", "category", "repository", "maintainer", "vendor", "tags", "variables"}
    assert set(read("bitbucket/pipe.yml")) == needed


def test_what_the_readme_says_of_other_clients_is_what_is_tested() -> None:
    readme = (PLUGINS / "README.md").read_text()
    for client, (command, form, *names) in CLIENTS.items():
        for name in names:
            assert f"{form.format(name)}=" in readme
        assert f"{client} {command[1]}" in readme


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("README.md")), ids=lambda path: path.parent.name)
def test_every_pipeline_in_a_readme_is_good_yaml_with_pinned_versions(path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL):
        assert yaml.safe_load(block)
        assert not re.search(r"secrets\.|password", block)
