"""Every pipeline that is written passes its system's schema and the linters, and keeps the rules of all of them."""

import json
import re
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.pipelines.base import TWINE, UV
from tests.ci_plugins.runners import PLUGINS
from tests.journeys.tools import SCRIPTS
from tests.registry.pipelines.emitting import STYLES, Command, options

_ROOT = Path(__file__).parent.parent.parent.parent
CONSTRAINTS = _ROOT / ".ci" / "constraints.txt"
EXAMPLES = _ROOT / "examples" / "pipelines"
SCHEMAS = {
    "github": "github-workflows",
    "gitlab": "gitlab-ci",
    "bitbucket": "bitbucket-pipelines",
    "buildkite": "buildkite",
    "circleci": "circle-ci",
}
MISTAKES = {
    "github": ("runs-on:", "run-on:"),
    "gitlab": ("script:", "scirpt:"),
    "bitbucket": ("max-time: 10", "max-time: soon"),
    "buildkite": ("depends_on:", "dependson:"),
    "circleci": ("docker:", "dokcer:"),
}
BY_SCHEMA = [(system, style) for system, style in STYLES if system in SCHEMAS]


def run(tool: str, *arguments: str | Path) -> tuple[int, str]:
    command = [str(SCRIPTS / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def schema(system: str, folder: Path) -> list[str]:
    """Say which schema a system's files have; Bitbucket's does not know yet that `oidc` may name audiences."""
    if system == "gitlab":
        return ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    if system != "bitbucket":
        return ["--builtin-schema", f"vendor.{SCHEMAS[system]}"]
    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "bitbucket-pipelines.json"
    known = json.loads(vendored.read_text())
    audiences = {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "string", "maxLength": 150}}
    named = {"type": "object", "properties": {"audiences": audiences}, "additionalProperties": False}
    known["definitions"]["step_base"]["properties"]["oidc"] = {"oneOf": [{"type": "boolean"}, named]}
    (folder / "schema.json").write_text(json.dumps(known))
    return ["--schemafile", str(folder / "schema.json")]


@pytest.mark.parametrize(("system", "style"), BY_SCHEMA)
def test_it_passes_its_systems_schema_and_a_mistake_in_it_would_not(
    command: Command, tmp_path: Path, system: str, style: str
) -> None:
    _, pipeline, _ = command(*options(system, style))
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(pipeline)
    bad.write_text(pipeline.replace(*MISTAKES[system]))
    code, said = run("check-jsonschema", *schema(system, tmp_path), good)
    assert code == 0, said
    assert run("check-jsonschema", *schema(system, tmp_path), bad)[0] == 1


def test_the_schema_of_bitbucket_still_has_to_be_completed(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bitbucket.yml").write_text(command(*options("bitbucket"))[1])
    code, said = run("check-jsonschema", "--builtin-schema", "vendor.bitbucket-pipelines", tmp_path / "bitbucket.yml")
    assert code == 1, "upstream has caught up; take it as it is"
    assert "is not of type 'boolean'" in said


def test_zizmor_finds_nothing_in_the_workflows_and_the_action(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for style in ("plain", "plugin"):
        (folder / f"{style}.yml").write_text(command(*options("github", style))[1])
    lint = ("--offline", "--persona=auditor", "--no-progress", "--no-config")
    code, said = run("zizmor", *lint, tmp_path, PLUGINS / "github")
    assert code == 0, said
    unpinned = re.sub("@[0-9a-f]{40}", "@v6", (folder / "plain.yml").read_text())
    (folder / "plain.yml").write_text(unpinned)
    assert run("zizmor", *lint, tmp_path)[0] != 0


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_shellcheck_finds_nothing_in_its_scripts(command: Command, tmp_path: Path, system: str, style: str) -> None:
    for number, script in enumerate(scripts(system, command(*options(system, style))[1])):
        path = tmp_path / f"{number}.sh"
        path.write_text(script)
        code, said = run("shellcheck", "--shell=sh" if system == "jenkins" else "--shell=bash", path)
        assert code == 0, said


def scripts(system: str, pipeline: str) -> list[str]:
    """List the shell parts of a pipeline, each as it is run."""
    if system == "jenkins":
        parts = re.findall(r"\bsh '''(.*?)'''|\bsh '([^']*)'", pipeline, re.DOTALL)
        return [long or short for long, short in parts]
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in {"run", "script", "command", "after-script"}:
                    lines = [value] if isinstance(value, str) else [line for line in value if isinstance(line, str)]
                    found.append("\n".join(lines).replace("$$", "$") + "\n")
                else:
                    walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(yaml.safe_load(pipeline))
    return [script for script in found if script.strip()]


@pytest.mark.parametrize("example", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_the_examples_are_what_is_written(command: Command, example: Path) -> None:
    asked = ("ci", example.stem, "--url", "https://packages.acme.example", "--project", "payments-api")
    assert command(*asked)[1] == example.read_text(), f"write it anew: waybill {' '.join(asked)}"


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_it_stores_no_secret_and_pins_what_it_installs(command: Command, system: str, style: str) -> None:
    _, pipeline, _ = command(*options(system, style))
    assert not re.search(r"secrets\.|secret:|password:|api.?token|WAYBILL_TOKEN", pipeline, re.IGNORECASE)
    for installed in re.findall(r"pip install [^\n'&]*", pipeline):
        assert installed.endswith(f" uv=={UV}"), installed
    for tool in re.findall(r"uvx [^\n']*", pipeline):
        assert f"--from twine=={TWINE} twine" in tool, tool
    for action in re.findall(r"uses: (.*)", pipeline):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}( # v[0-9.]+)?", action), action
    assert {f"uv=={UV}", f"twine=={TWINE}"} <= set(CONSTRAINTS.read_text().split())


@pytest.mark.parametrize(("system", "style"), STYLES)
def test_only_the_job_that_publishes_gets_an_identity_token_and_it_has_no_sources(
    command: Command, system: str, style: str
) -> None:
    asking = (
        r"id-token: write|id_tokens:|oidc:|withCredentials|trusted-publishing always|waybillPublish|component:|plugins:"
    )
    _, whole, _ = command(*options(system, style))
    _, publishing, _ = command(*options(system, style), "--job")
    assert publishing
    assert publishing in whole
    rest = whole.replace(publishing, "")
    code = "\n".join(line for line in rest.splitlines() if not line.lstrip().startswith(("#", "//")))
    assert re.search(asking, publishing)
    assert not re.search(asking, code)
    assert not re.search(r"actions/checkout|checkout scm|- checkout$", publishing, re.MULTILINE)
    assert "uv build" in rest
    assert "uv build" not in publishing
