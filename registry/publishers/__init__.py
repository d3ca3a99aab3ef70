"""CI systems whose identity tokens are understood, one module each, all of the same shape."""

from collections.abc import Mapping

from registry.publishers import bitbucket, buildkite, circleci, general, github, gitlab, jenkins
from registry.publishers.base import Provider

PROVIDERS: Mapping[str, Provider] = {
    provider.NAME: provider for provider in (github, gitlab, bitbucket, buildkite, circleci, jenkins, general)
}
