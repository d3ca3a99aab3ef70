"""Editors complete policy files with the schemas the server publishes."""

import jsonschema
import yaml

from tests.registry.web.site import Site
from tests.test_examples import EXAMPLES


def test_the_published_schemas_accept_the_example_policy_and_refuse_a_typo(site: Site) -> None:
    schema = site.ask("/-/schemas/registry.json", None).get_json()
    example = yaml.safe_load((EXAMPLES / "policy/registries/python/registry.yaml").read_text())
    example["grants"][1]["until"] = str(example["grants"][1]["until"])
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(example)) == []
    assert list(validator.iter_errors({**example, "visibilty": "public"}))


def test_an_unknown_kind_is_answered_with_the_known_ones(site: Site) -> None:
    answer = site.ask("/-/schemas/nothing.json", None)
    assert answer.status_code == 404
    assert "registry, project" in answer.text
