"""A browser without script: it keeps cookies, follows links and sends the forms of a page as they stand there."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.registry.web.site import Site


@dataclass
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "form":
            self.found.append(Form(given["action"]))
        elif tag == "input" and self.found:
            self.found[-1].fields[given["name"]] = given.get("value", "")


def forms(page: str) -> list[Form]:
    parser = _Forms()
    parser.feed(page)
    return parser.found


def tags(page: str) -> set[str]:
    """Every kind of element on a page."""
    parser = _Forms()
    parser.feed(page)
    return set(parser.tags)


class Browser:
    """Somebody's browser at one site."""

    def __init__(self, site: Site, base: str = "http://packages.acme.example") -> None:
        self._site, self.base = site, base
        self.client: FlaskClient = site.app.test_client()

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=self.base, follow_redirects=True)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
        """Send a form as a browser would; headers given replace those it sends itself."""
        own = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        sent = {name: value for name, value in {**own, **_spelled(headers)}.items() if value}
        return self.client.post(path, data=fields, base_url=self.base, headers=sent)

    def sign_in(self, token: str) -> TestResponse:
        [form] = forms(self.get("/-/login").text)
        return self.post(form.action, {**form.fields, "token": token})

    def press(self, page: str, verb: str, **fields: str) -> TestResponse:
        """Press one of the buttons of a change's page; fields given replace those of the form."""
        [form] = [form for form in forms(page) if form.fields.get("verb") == verb]
        return self.post(form.action, {**form.fields, **fields})

    def verbs(self, page: str) -> set[str]:
        """What the page's buttons do."""
        return {form.fields["verb"] for form in forms(page) if "verb" in form.fields}

    def copied(self) -> "Browser":
        """Somebody else's browser that was given this one's cookies, and forgets none of them by itself."""
        made = Browser(self._site, self.base)
        made.client = self._site.app.test_client(use_cookies=False)
        made.client.environ_base["HTTP_COOKIE"] = "; ".join(f"{c.key}={c.value}" for c in self.cookies())
        return made

    def cookies(self) -> list[Any]:
        jar = self.client._cookies  # noqa: SLF001 - Werkzeug shows single cookies only by name
        return list((jar or {}).values())


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def signed_in(site: Site, person: str = "alice", base: str = "http://packages.acme.example") -> Browser:
    made = Browser(site, base)
    assert made.sign_in(site.token(person)).status_code == 303
    return made
