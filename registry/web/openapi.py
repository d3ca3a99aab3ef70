"""`/-/api/v1/openapi.json`: the API as its routes declare it, in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1)."""

import json
import re
from typing import Any, TypedDict

from flask import Blueprint, Flask, Response, current_app
from werkzeug.routing import Rule

from registry import __version__
from registry.policy.roles import Action
from registry.web.doors import Door, Need, Permission, Query, door, every
from registry.web.schema import Schema, Schemas

PROBLEM = "application/problem+json"
_PLACEHOLDER = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")
_OPEN = {Need.NOTHING, Need.PROOF}
_REFUSALS = {
    "400": "The request cannot be meant",
    "401": "No credentials, or nobody's",
    "403": "The caller may not",
    "404": "There is no such thing",
    "409": "What is there now does not allow it: a name is taken or reserved, a release is yanked, a change moved",
    "413": "It is too large",
    "503": "The registry cannot do this now",
}


class Problem(TypedDict, total=False):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: str


def blueprint() -> Blueprint:
    """Make the route of the document."""
    routes = Blueprint("openapi", __name__)
    kept: list[str] = []  # the routes of an application do not change

    @routes.get("/openapi.json")
    @door(Need.NOTHING, "This document", query=(), answer=dict[str, Any])
    def document() -> Response:
        if not kept:
            kept.append(json.dumps(described(current_app)))
        return Response(kept[0], content_type="application/json")

    return routes


def described(app: Flask) -> dict[str, Any]:
    """Describe the JSON routes of an application: those that declare the answer they give."""
    schemas = Schemas("#/components/schemas/")
    schemas.of(Problem)
    paths: dict[str, dict[str, Any]] = {}
    for rule, declared in every(app):
        if declared.answer is None:
            continue
        path = paths.setdefault(_PLACEHOLDER.sub(r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path[method.lower()] = _operation(rule, method, declared, schemas)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Waybill", "version": __version__},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token"},
                "password": {"type": "http", "scheme": "basic", "description": "An API token as password"},
            },
            "responses": {code: _refusal(text) for code, text in _REFUSALS.items()},
        },
    }


def _operation(rule: Rule, method: str, declared: Door, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{rule.endpoint.removeprefix('api.')}.{method.lower()}",
        "summary": declared.summary,
        "x-permission": said(declared.asks),
        "security": _security(declared.asks),
        "parameters": [
            *_path(rule),
            *(_said("query", query, schemas) for query in declared.query or ()),
            *(_said("header", header, schemas) for header in declared.headers),
        ],
        "responses": {
            str(declared.status): {
                "description": "Done",
                "content": {form: {"schema": schemas.of(what)} for form, what in declared.forms},
            },
            **{
                code: {"$ref": f"#/components/responses/{code}"}
                for code in _REFUSALS
                if (method, code) != ("GET", "409")
            },
        },
    }
    if declared.body is not None:
        operation["requestBody"] = {"content": {declared.sent: {"schema": schemas.of(declared.body)}}}
    return operation


def said(permission: Permission) -> str:
    """Say a permission in words."""
    if isinstance(permission, Action):
        return f"{permission} on the registry or project: role {permission.needs}"
    return permission.value


def _security(permission: Permission) -> list[dict[str, list[str]]]:
    known: list[dict[str, list[str]]] = [{"token": []}, {"password": []}]
    if permission in _OPEN:
        return []
    return [{}, *known] if permission in {Action.READ, Need.SIGHT} else known  # what is public needs nobody


def _path(rule: Rule) -> list[dict[str, Any]]:
    names = _PLACEHOLDER.findall(rule.rule)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _said(place: str, one: Query, schemas: Schemas) -> dict[str, Any]:
    schema: Schema = schemas.of(one.of)
    return {"name": one.name, "in": place, "required": one.needed, "description": one.text, "schema": schema}


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
