"""`waybill publisher`: helps to write the statement of a trusted publisher, with its ids filled in."""

import argparse
import json
import os
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from registry import pipelines
from registry.cli import exchange
from registry.compact import LONGEST, taken_apart
from registry.errors import Invalid
from registry.policy.case import Claims
from registry.publishers import PROVIDERS
from registry.publishers.base import Provider, pasted
from registry.shown import shown

_BLOCK = "publishers:"
_BITBUCKET = "https://api.bitbucket.org/2.0/workspaces/"
_WRAP = re.compile(r"\r?\n[ \t]+")  # uv breaks lines at spaces to fit a terminal, which some CI systems give a job
_ANSWER = re.compile(r'\{\s?"(?:errors|message)"')
_MOST_ANSWERS = 20  # of a log that are looked into
_MOST = 4 * 2**20  # bytes of a log that are read


def add_to(commands: Any) -> None:
    """Add the commands."""
    group = commands.add_parser("publisher", help="help with the policy's statements about pipelines")
    verbs = group.add_subparsers(title="verbs", metavar="VERB", required=True)
    lookup = verbs.add_parser(
        "lookup",
        help="write the statement that trusts a pipeline",
        description="Write the statement that trusts a pipeline: from the log of its refused attempt, from an identity "
        "token (read here, sent nowhere, and not verified), or, without FILE, from this CI job's own identity.",
    )
    lookup.add_argument("file", nargs="?", metavar="FILE", help="a log or a token; - reads standard input")
    lookup.add_argument("--provider", choices=sorted(PROVIDERS), help="whose token it is (default: found out)")
    lookup.set_defaults(run=run_lookup)


def run_lookup(options: argparse.Namespace) -> int:
    """Print the statement."""
    text = _given(options.file).strip()
    found = None if _is_token(text) else _refusal(text)
    if found is None:
        if not _is_token(text):
            raise Invalid(
                "There is neither a refusal with a statement in it nor an identity token; give the job's whole log"
            )
        claims = {
            name: value for name, value in taken_apart(text).claims.items() if isinstance(value, str | int | bool)
        }
        provider = PROVIDERS[options.provider] if options.provider else _provider(claims)
        found = f"{_BLOCK}\n{pasted(provider.statement(claims))}"
        print("From a token that nobody verified; make sure whose it is before you propose this:", file=sys.stderr)
    print(found)
    return 0


def _given(file: str | None) -> str:
    if file is None:
        return exchange.identity(pipelines.here(os.environ), "waybill-publisher-lookup")
    data = sys.stdin.buffer.read(_MOST) if file == "-" else Path(file).read_bytes()[:_MOST]
    return data.decode(errors="replace")


def _is_token(text: str) -> bool:
    return text.count(".") == 2 and len(text) <= LONGEST and not any(c.isspace() for c in text)


def _refusal(log: str) -> str | None:
    """Find the statement in a job's log: as JSON, which uv shows, or as lines, perhaps after a time."""
    if _BLOCK not in log:
        return None
    if (found := _described(log)) is not None:
        return _block(found)
    if (wrapped := _described(_WRAP.sub(" ", log))) is not None:
        return _block(_indented(wrapped))
    return _block(log)


def _described(log: str) -> str | None:
    decoder = json.JSONDecoder()
    for start in islice((found.start() for found in _ANSWER.finditer(log)), _MOST_ANSWERS):
        try:
            said, _ = decoder.raw_decode(log, start)
            return str(said["errors"][0]["description"])
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
    return None


def _indented(text: str) -> str:
    """Indent a statement anew: spaces where uv began a new line are gone."""
    before, _, after = text.partition(_BLOCK)
    lines, depth = [before, _BLOCK], 4
    for line in after.strip().splitlines():
        key = line.strip()
        lines.append(" " * (2 if key.startswith("- ") else depth) + key)
        depth = 6 if key.endswith(":") else depth
    return "\n".join(lines)


def _block(text: str) -> str | None:
    lines = iter(text.splitlines())
    for line in lines:
        margin = line.find(_BLOCK)
        if margin >= 0 and not line[margin:].removeprefix(_BLOCK).strip():
            found = [_BLOCK]
            for rest in lines:
                if not rest[margin:].startswith("  "):
                    break
                found.append(shown(rest[margin:].rstrip()))
            return "\n".join(found) if len(found) > 1 else None
    return None


def _provider(claims: Claims) -> Provider:
    """Tell whose token it is: by a public issuer, else by what only that system's tokens have."""
    issuer = str(claims.get("iss"))
    for provider in PROVIDERS.values():
        if issuer in provider.ISSUERS or (provider.NAME == "bitbucket" and issuer.startswith(_BITBUCKET)):
            return provider
    for provider in PROVIDERS.values():
        if len(provider.REQUIRED) > 1 and all(name in claims for name in provider.REQUIRED):
            return provider
    return PROVIDERS["jenkins" if issuer.rstrip("/").endswith("/oidc") else "other"]
