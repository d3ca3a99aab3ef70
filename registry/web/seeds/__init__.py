"""The documented addresses of four other systems, led to the same views as our own. No rule lives here."""

from flask import Blueprint

from registry.installation import Installation
from registry.web.index import SimpleIndex
from registry.web.seeds import (
    artifact_keeper,
    bitbucket,
    buildkite,
    buildkite_packages,
    buildkite_tokens,
    gitlab,
    gitlab_groups,
    gitlab_packages,
)
from registry.web.upload import Uploads


def blueprints(installation: Installation, index: SimpleIndex, uploads: Uploads) -> list[Blueprint]:
    """Make the routes of all four.

    Args:
        installation: what they serve.
        index: the pages they lead to.
        uploads: takes what is uploaded to them.
    """
    return [
        artifact_keeper.blueprint(installation, index, uploads),
        bitbucket.blueprint(installation, index),
        buildkite.blueprint(installation, index),
        buildkite_packages.blueprint(installation, uploads),
        buildkite_tokens.blueprint(installation),
        gitlab.blueprint(installation, index, uploads),
        gitlab_groups.blueprint(installation, index),
        gitlab_packages.blueprint(installation),
    ]
