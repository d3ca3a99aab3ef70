"""Buildkite's registry tokens: long-lived, and able to read one registry. Here, API tokens of who makes them."""

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from registry import tokens
from registry.credentials import find
from registry.errors import Invalid, NotFound
from registry.installation import Installation, View
from registry.model import Token
from registry.names import RegistryName
from registry.policy.roles import Action, Principal, Role, Scope
from registry.records import timestamp
from registry.web import params
from registry.web.auth import permit
from registry.web.doors import door
from registry.web.refusals import messages
from registry.web.seeds.buildkite import registry_at

_TOKENS = "/v2/packages/organizations/<organization>/registries/<slug>/tokens"


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes; refusals are JSON with a `message`."""
    routes = Blueprint("buildkite_tokens", __name__)
    messages(routes)

    def entered(organization: str, slug: str) -> tuple[View, Principal, RegistryName]:
        view, principal = params.known_caller(installation)
        registry = registry_at(view, organization, slug)
        permit(view, principal, Action.READ, registry, None)
        return view, principal, registry

    def own(view: View, principal: Principal, registry: RegistryName, id_: str) -> Token:
        token = find(view.index, id_)
        if token is None or not _belongs(token, principal, registry):
            raise NotFound(f"You have no registry token of this id for registry {registry}")
        return token

    @routes.post(_TOKENS)
    @door(Action.READ, "Buildkite: makes a token that reads a registry")
    def create(organization: str, slug: str) -> ResponseReturnValue:
        _, principal, registry = entered(organization, slug)
        said = params.said(params.body("description"), "description") or ""
        issued = tokens.create(
            installation,
            principal,
            principal.name or "",
            scope=Scope(Role.READ, (registry,)),
            expires=None,
            note=said,
        )
        return jsonify(**_shown(issued.token), token=issued.secret)

    @routes.get(_TOKENS)
    @door(Action.READ, "Buildkite: the caller's registry tokens")
    def listing(organization: str, slug: str) -> ResponseReturnValue:
        view, principal, registry = entered(organization, slug)
        return jsonify([_shown(token) for token in tokens.every(view.index) if _belongs(token, principal, registry)])

    @routes.get(f"{_TOKENS}/<id_>")
    @door(Action.READ, "Buildkite: a registry token")
    def show(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        return jsonify(_shown(own(*entered(organization, slug), id_)))

    @routes.route(f"{_TOKENS}/<id_>", methods=["POST", "PUT", "PATCH"])  # the first is documented, clients use others
    @door(Action.READ, "Buildkite: says anew what a registry token is for")
    def describe(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        view, principal, registry = entered(organization, slug)
        token = own(view, principal, registry, id_)
        said = params.said(params.body("description"), "description")
        if said is None:
            raise Invalid("description: missing; send what the token is for")
        return jsonify(_shown(tokens.describe(installation, principal, token.id, said)))

    @routes.delete(f"{_TOKENS}/<id_>")
    @door(Action.READ, "Buildkite: ends a registry token")
    def delete(organization: str, slug: str, id_: str) -> ResponseReturnValue:
        view, principal, registry = entered(organization, slug)
        tokens.revoke(installation, principal, own(view, principal, registry, id_).id)
        return "", 200

    return routes


def _belongs(token: Token, principal: Principal, registry: RegistryName) -> bool:
    """Tell whether a token is what a registry token is, in force, and the caller's to see."""
    seen = principal.scope.whole or token.id == principal.token
    narrow = (token.role, token.registries, token.projects) == (str(Role.READ), (registry,), ())
    return seen and narrow and token.owner == principal.name and not token.revoked


def _shown(token: Token) -> dict[str, Any]:
    """Show a token; its secret is nowhere to be read again."""
    named = request.view_args or {}
    base = f"{request.root_url}v2/packages/organizations/{named['organization']}/registries/{named['slug']}"
    return {
        "id": token.id,
        "description": token.note,
        "url": f"{base}/tokens/{token.id}",
        "created_at": timestamp(token.created),
        "created_by": {"name": token.created_by},
        "organization": {"slug": named["organization"]},
        "registry": {"slug": named["slug"], "url": base},
    }
