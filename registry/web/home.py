"""What a person sees who opens the address in a browser."""

from html import escape

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from registry.errors import WaybillError
from registry.installation import Installation
from registry.web.auth import known_registry

_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{organization} packages</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222}}
pre{{background:#f4f4f4;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}}</style>
</head>
<body>
<h1>{organization} packages</h1>
<p>This is a private Python package registry. Replace <code>REGISTRY</code> and <code>TOKEN</code>; a token comes
from the registry's operator, or from <code>waybill token create</code>.</p>
<h2>Install</h2>
<pre>pip install --index-url {scheme}://__token__:TOKEN@{host}/REGISTRY/simple/ PROJECT
uv pip install --default-index {scheme}://__token__:TOKEN@{host}/REGISTRY/simple/ PROJECT</pre>
<h2>Publish</h2>
<pre>twine upload --repository-url {scheme}://{host}/REGISTRY/ -u __token__ -p TOKEN dist/*
uv publish --publish-url {scheme}://{host}/REGISTRY/ --token TOKEN</pre>
</body>
</html>
"""


def blueprint(installation: Installation) -> Blueprint:
    """Make the routes for browsers."""
    routes = Blueprint("home", __name__)

    @routes.get("/")
    def home() -> Response:
        try:
            organization = installation.policy().organization().organization
        except WaybillError:
            organization = "Waybill"
        page = _PAGE.format(organization=escape(organization), host=escape(request.host), scheme=request.scheme)
        response = Response(page, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _CSP
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/<registry>")  # written out, because the framework would answer 308, which clients keep for ever
    @routes.get("/<registry>/")
    @routes.get("/<registry>/legacy")
    @routes.get("/<registry>/legacy/")
    def upload_url(registry: str) -> Redirect:
        name = known_registry(installation.view(), registry)
        return redirect({1: f"{name}/simple/", 2: "simple/", 3: "../simple/"}[request.path.count("/")], 302)

    return routes
