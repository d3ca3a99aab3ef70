"""`waybill ci`: the pipeline that publishes, ready to paste, and the policy's statement that trusts exactly it."""

import argparse
import sys
from typing import Any

from registry import pipelines
from registry.cli import values
from registry.errors import Invalid
from registry.pipelines import base

_EXAMPLE = "https://packages.acme.example"


def add_to(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("ci", help="write the pipeline that publishes from CI without a stored secret")
    parser.add_argument(
        "provider", type=values.provider, help="github, gitlab, bitbucket, buildkite, jenkins, circleci"
    )
    parser.add_argument("--url", type=values.server, help="the registry server's address")
    parser.add_argument("--audience", help="what identity tokens are made for (default: the host of --url)")
    parser.add_argument("--registry", type=values.registry, default="python", help="where to publish (default: python)")
    parser.add_argument("--project", type=values.project, help="what is published; names the policy's file")
    parser.add_argument("--environment", help="the protected environment of the job that publishes")
    parser.add_argument("--style", choices=base.STYLES, help="plain (default): no code of Waybill on the runner")
    parser.add_argument("--plugin", metavar="WHERE", help="where you keep ci-plugins/PROVIDER; means --style plugin")
    parser.add_argument("--job", action="store_true", help="only the job that publishes")
    parser.add_argument("--policy", action="store_true", help="only the policy's statement")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an id of the statement")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the pipeline to stdout, and what else there is to do to stderr."""
    one = pipelines.named(options.provider)
    style = options.style or (base.PLUGIN if options.plugin else base.PLAIN)
    wanted = _wanted(options, one, style)
    statement = base.written(one, wanted)
    if options.policy:
        print(statement)
        return 0
    pipeline = one.emitted(wanted, style)
    print(base.job(pipeline) if options.job else base.whole(pipeline), end="")
    if not options.url:
        print(f"Put your server's address in place of {_EXAMPLE}, or give it with --url.", file=sys.stderr)
    file = f"registries/{wanted.registry}/projects/{wanted.project or 'PROJECT'}.yaml"
    print(f"Save this as {one.FILE}. To trust exactly this pipeline, propose for {file}:\n", file=sys.stderr)
    print(statement, file=sys.stderr)
    return 0


def _wanted(options: argparse.Namespace, one: base.Pipelines, style: str) -> base.Wanted:
    if style == base.PLUGIN and not one.PLUGIN:
        raise Invalid(f"There is no plugin for {one.NAME}; leave --style and --plugin out")
    if style == base.PLUGIN and not options.plugin:
        raise Invalid(f"--style plugin needs --plugin {one.PLUGIN}: where you keep a copy of ci-plugins/{one.NAME}")
    url = options.url or _EXAMPLE
    given = {option: getattr(options, option) or "" for option in ("url", "audience", "plugin", "environment")}
    for option, value in given.items():
        read = set("\"'\\ `<") | set("" if option == "plugin" else "${}")  # a component stands at $CI_SERVER_FQDN
        if not value.isprintable() or set(value) & read:
            raise Invalid(
                f"--{option}: {value!a} cannot stand in a pipeline; no spaces, quotes or backslashes, and nothing that "
                "YAML, a shell or the CI system would put something else in place of"
            )
    return base.Wanted(
        url=url,
        audience=given["audience"] or base.host(url),
        registry=options.registry,
        project=options.project,
        environment=given["environment"] or one.ENVIRONMENT,
        plugin=given["plugin"],
        known=base.checked(one, dict(_pair(text) for text in options.set)),
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise Invalid(f"--set {text!a} is not KEY=VALUE, such as repository=acme/payments")
    return key, value
