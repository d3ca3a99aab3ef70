"""The documentation of four systems, replayed line by line."""

from collections.abc import Mapping

from tests.seeds.artifact_keeper import ARTIFACT_KEEPER_ROWS
from tests.seeds.bitbucket import BITBUCKET_ROWS
from tests.seeds.buildkite import BUILDKITE_ROWS
from tests.seeds.gitlab import GITLAB_ROWS
from tests.seeds.replay import Rows

DOCUMENTS: Mapping[str, Rows] = {
    "bitbucket": BITBUCKET_ROWS,
    "buildkite": BUILDKITE_ROWS,
    "gitlab": GITLAB_ROWS,
    "artifact-keeper": ARTIFACT_KEEPER_ROWS,
}
