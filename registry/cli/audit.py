"""`waybill log`, `who-can` and `explain`: what happened, who may, and why."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry import audit
from registry.answers import event_json, verdict_json
from registry.cli import data, recall, remote, rights_log, values
from registry.errors import NotFound
from registry.installation import Installation
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Action, Principal
from registry.provenance import DECLARABLE
from registry.shown import shown
from registry.store import LEDGER
from registry.wanted import Wanted

_EVENTS: remote.Shape = {"events": [{"commit": str, "time": str, "author": str, "subject": str, "facts": dict}]}
_FACTS = (
    "Registry",
    "Promoted-From",
    "Promoter-Pipeline",
    "Published-By",
    "Digest",
    "Attestations",
    "Issuer",
    "Repository-Id",
    "Workflow-Id",
    "Subject",
)
_PRINCIPALS: remote.Shape = {"principals": [{"principal": str, "statement": str, "place": str}]}


def add_to(commands: Any) -> None:
    """Add the commands."""
    log = commands.add_parser("log", help="what happened: who published what, through which token, allowed by what")
    data.add_place(log)
    log.add_argument("what", nargs="?", type=values.project_or_release, metavar="PROJECT[==VERSION]")
    log.add_argument("--registry", type=values.registry)
    log.add_argument("--pipeline", metavar="URL", help="what one CI run did, in all its attempts or in one")
    log.add_argument(
        "--repository", metavar="NAME", help="what came from one git repository: URL, the end of it, or id"
    )
    log.add_argument(
        "--commit", type=values.commit, metavar="ID", help="what came from one commit of somebody's sources"
    )
    log.add_argument("--declared", action="store_true", help="also believe what was not proven of these three")
    log.add_argument("--since", type=values.date, metavar="DATE")
    log.add_argument("--until", type=values.last_moment, metavar="DATE", help="a date means its end")
    limit = {"type": values.between(1, 1_000_000), "default": 100}
    log.add_argument("--limit", **limit, help="most events shown (default: %(default)s)")
    log.add_argument("--json", action="store_true")
    recall.add_options(log)
    rights_log.add_options(log)
    log.set_defaults(run=run_log)
    who = commands.add_parser("who-can", help="who may do something, each with the statement that allows it")
    _add_question(who)
    who.set_defaults(run=run_who_can)
    explain = commands.add_parser("explain", help="why somebody may, or may not, do something")
    explain.add_argument("principal", help="an id of people.yaml, or 'anyone'")
    _add_question(explain)
    explain.set_defaults(run=run_explain)


def _add_question(parser: argparse.ArgumentParser) -> None:
    data.add_place(parser)
    parser.add_argument("action", choices=[a.value for a in Action])
    parser.add_argument("project", type=values.project)
    parser.add_argument("--registry", type=values.registry, help="needed where there is more than one")
    parser.add_argument("--at", metavar="COMMIT", help="by the policy of this commit of branch main, or of a past date")
    parser.add_argument("--json", action="store_true")


def run_log(options: argparse.Namespace) -> int:
    """Show events of the ledger, newest first."""
    if options.policy:
        return rights_log.run(options)
    rights_log.refuse_options(options)
    project, version = options.what or (None, None)
    wanted = Wanted(
        registry=options.registry,
        project=project,
        version=version,
        pipeline=options.pipeline,
        repository=options.repository,
        commit=options.commit,
        since=options.since,
        until=options.until,
        declared=options.declared,
    )
    said = ("registry", "project", "version", "pipeline", "repository", "commit")
    query: dict[str, str | None] = {
        **{name: getattr(wanted, name) for name in said},
        "since": wanted.since.isoformat() if wanted.since else None,
        "until": wanted.until.isoformat() if wanted.until else None,
        "declared": "true" if wanted.declared else None,
    }
    if options.yank:
        return recall.run(options, wanted, query)
    recall.refuse_options(options)
    events: Iterable[Mapping[str, Any]]
    if options.data:
        installation = data.open_installation(options.data)
        if wanted.facts:
            installation.trail.catch_up(LEDGER, values.progress("commits of the history read"))
        events = (event_json(e) for e in audit.log(installation, wanted))
    else:
        events = remote.Server(options.url).pages("log", query, _EVENTS, "events", options.limit + 1)
    events = _first(events, options.limit)
    if options.json:
        print(json.dumps(list(events)))
        return 0
    found = False
    for event in events:
        _show(event)
        found = True
    if not found:
        print("Nothing was recorded that fits", file=sys.stderr)
    return 0


def _first(events: Iterable[Mapping[str, Any]], most: int) -> Iterator[Mapping[str, Any]]:
    """Give so many, and say so where there are more: nobody is to take some for all."""
    for number, event in enumerate(events):
        if number == most:
            print(f"More than these {most} fit; choose another --limit to see them", file=sys.stderr)
            return
        yield event


def _show(event: Mapping[str, Any]) -> None:
    """Show one event as a person reads it: what, when, who, and why that was allowed."""
    facts = {name: shown(fact) for name, fact in event["facts"].items()}
    print(f"{shown(event['time'][:19])}Z  {shown(event['subject'])}")
    through = f" through token {facts['Token']}" if "Token" in facts else ""
    through = ", as its identity token proves" if facts.get("Trust") == "oidc" else through
    print(f"    by {facts.get('Principal', facts.get('Publisher', shown(event['author'])))}{through}")
    if "Allowed-By" in facts:
        print(f"    allowed by {facts['Allowed-By']} at {facts.get('Policy', '')[:12]}")
    if "Declared-Reason" in facts:
        print(f"    reason {facts['Declared-Reason']}")
    for name in (*_FACTS, *DECLARABLE):
        what = "source commit" if name == "Commit" else name.lower()
        if name in facts:
            print(f"    {what} {facts[name]}")
        if f"Resolved-{name}" in facts:
            print(f"    resolved {what} {facts[f'Resolved-{name}']} (as the CI system's API says, not its token)")
        if f"Declared-{name}" in facts:
            print(f"    declared {what} {facts[f'Declared-{name}']} (said by the uploader, not verified)")
    print(f"    ledger commit {shown(event['commit'])}")


def run_who_can(options: argparse.Namespace) -> int:
    """List who may; exit 1 when nobody may."""
    if options.data:
        installation, registry, project = _asked(options.data, options)
        policy = audit.policy_at(installation, options.at)
        verdicts = audit.who_can(
            policy, Action(options.action), registry, project, datetime.now(UTC), installation.view().index
        )
        found = [verdict_json(who, verdict) for who, verdict in verdicts]
    else:
        found = remote.Server(options.url).ask("GET", "who-can", _query(options), shape=_PRINCIPALS)["principals"]
    if options.json:
        print(json.dumps(found))
    else:
        for entry in found:
            print(shown(f"{entry['principal']}  {entry['statement']}  ({entry['place']})"))
    if not found:
        why = "'waybill explain PRINCIPAL ...' tells why"
        print(f"Nobody may {options.action} {options.project}; {why}", file=sys.stderr)
    return 0 if found else 1


def run_explain(options: argparse.Namespace) -> int:
    """Explain one verdict; exit 1 when it is no."""
    if options.data:
        installation, registry, project = _asked(options.data, options)
        policy = audit.policy_at(installation, options.at)
        now = datetime.now(UTC)
        action = Action(options.action)
        verdict = audit.explain(policy, options.principal, action, registry, project, now, installation.view().index)
        named = policy, options.principal, registry, project, verdict
        first = audit.creating(*named) if action is Action.PUBLISH else None
        answer = verdict_json(Principal(options.principal), verdict, first)
    else:
        query = {**_query(options), "principal": options.principal}
        answer = remote.Server(options.url).ask("GET", "explain", query, shape={"allowed": bool})
    if options.json:
        print(json.dumps(answer))
    elif answer["allowed"]:
        print(shown(f"yes: {answer.get('statement')} ({answer.get('place')})"))
        if "creating" in answer:
            print(shown(f"only where the project exists already: {answer['creating']}"))
    else:
        print(shown(f"no: {answer.get('reason')}"))
    return 0 if answer["allowed"] else 1


def _asked(folder: Path, options: argparse.Namespace) -> tuple[Installation, RegistryName, ProjectName]:
    installation = data.open_installation(folder)
    known = installation.policy().registries()
    registry = options.registry or audit.only_registry(installation.policy())
    if registry not in known:
        raise NotFound(f"There is no registry '{registry}' here; there are: {', '.join(known)}")
    return installation, registry, options.project


def _query(options: argparse.Namespace) -> dict[str, str | None]:
    return {
        "action": options.action,
        "project": options.project,
        "registry": options.registry,
        "at": options.at,
    }
