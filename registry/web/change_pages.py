"""`/-/changes`: the pages on which people see what a change means, and decide on it."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from registry import changes
from registry.change_answers import counts, state
from registry.changes import Change
from registry.changes.audience import hindrance, seen
from registry.changes.clearance import is_admin
from registry.errors import Conflict, Forbidden
from registry.installation import Installation
from registry.meaning import sections
from registry.sessions import Sessions
from registry.textdiff import diffs
from registry.web.changes import find
from registry.web.doors import Need, door
from registry.web.html import page, refusals
from registry.web.login import LOGOUT
from registry.web.visitor import Visitor, require_own_page, visitor

_DONE = {
    "approved": "Your approval is recorded.",
    "merged": "The change is merged. It holds from now on.",
    "withdrawn": "The change is withdrawn.",
}


def blueprint(installation: Installation, sessions: Sessions) -> Blueprint:
    """Make the routes of the pages.

    Args:
        installation: whose changes.
        sessions: who is signed in.
    """
    routes = Blueprint("change_pages", __name__, url_prefix="/-/changes")
    pages = _Pages(installation, sessions)
    routes.get("")(pages.listing)
    routes.get("/<name>")(pages.show)
    routes.post("/<name>")(pages.decide)
    refusals(routes, installation)
    return routes


class _Pages:
    def __init__(self, installation: Installation, sessions: Sessions) -> None:
        self._installation = installation
        self._sessions = sessions

    @door(Need.SESSION, "The page of the changes that one may see")
    def listing(self) -> Response:
        """Show the changes that this person may see."""
        who = visitor(self._installation, self._sessions)
        policy = who.view.policy
        split: dict[bool, list[Change]] = {True: [], False: []}
        for found in seen(self._installation, who.principal):
            split[hindrance(policy, who.principal, found) is None].append(found)
        return self._page(who, "changes.html", asked=split[True], others=split[False], state=state, sections=sections)

    @door(Need.SESSION, "The page of a change")
    def show(self, name: str) -> Response:
        """Show one change."""
        return self._shown(visitor(self._installation, self._sessions), name)

    @door(Need.SESSION, "Does what a button on that page says")
    def decide(self, name: str) -> Response | Redirect:
        """Do what one of the buttons of a change's page says."""
        require_own_page(self._installation)
        who = visitor(self._installation, self._sessions)
        verb = request.form.get("verb", "")
        doing = self._verbs().get(verb)
        if doing is None:
            raise Forbidden("The form says nothing that can be done here; open the page again")
        who.require_seal(f"{verb} {name}")
        try:
            done = doing(who, name)
        except (Conflict, Forbidden) as error:
            return self._shown(who, name, 409 if isinstance(error, Conflict) else 403, str(error))
        if done == "approved":
            return redirect(url_for("change_pages.show", name=name, done=done), 303)
        return redirect(url_for("change_pages.listing", done=done), 303)

    def _verbs(self) -> dict[str, Callable[[Visitor, str], str]]:
        return {"approve": self._approve, "merge": self._merge, "withdraw": self._withdraw}

    def _approve(self, who: Visitor, name: str) -> str:
        base, tree = request.form.get("base", ""), request.form.get("tree", "")
        outcome = changes.approve(self._installation, who.principal, name, base, tree)
        return "merged" if outcome.merged and not outcome.change.merged else "approved"

    def _merge(self, who: Visitor, name: str) -> str:
        changes.merge(self._installation, who.principal, name)
        return "merged"

    def _withdraw(self, who: Visitor, name: str) -> str:
        changes.withdraw(self._installation, who.principal, name)
        return "withdrawn"

    def _shown(self, who: Visitor, name: str, status: int = 200, error: str = "") -> Response:
        found = find(self._installation, who.principal, name)
        policy, by = who.view.policy, who.principal
        mine = by.name in {push.by for push in found.record.pushes} or is_admin(policy, by)
        return self._page(
            who,
            "change.html",
            status,
            change=found,
            state=state,
            counts=counts,
            meaning=sections(found.judgement.difference),
            diffs=diffs(found, self._installation.store.at(found.base)),
            hindrance=hindrance(policy, by, found),
            may_withdraw=mine and not found.merged,
            seals={verb: who.seal(f"{verb} {found.name}") for verb in self._verbs()},
            error=error,
        )

    def _page(self, who: Visitor, template: str, status: int = 200, **values: Any) -> Response:
        return page(
            self._installation,
            template,
            status,
            person=who.principal.name,
            logout=who.seal(LOGOUT),
            done=_DONE.get(request.args.get("done", "")),
            **values,
        )
