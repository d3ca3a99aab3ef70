"""Two people change a right: one pushes it with git, the other looks at it and approves it in a browser."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tests.archives import wheel
from tests.clones import Clone
from tests.journeys.clients import Desk
from tests.registry.web.browser import forms
from tests.running import Server, run_git, serving

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\ndan: {}\n"
ADMINS = "organization: acme\nadmins: [alice, dan]\nreview: {approvals: 1}\n"
REGISTRY = "owners: [carol]\nprojects: open\n"
GRANT = "grants:\n- {role: publish, to: [bob], projects: [payments-api]}\n"


class Tab:
    """A browser's tab, on the real server: cookies by Python's own jar, forms as they stand on the page."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(jar).open
        self.page = ""

    def get(self, path: str) -> str:
        return self._show(urllib.request.Request(self._url + path))

    def press(self, wanted: str, **fields: str) -> str:
        """Send the form that has this verb, or leads there."""
        [form] = [form for form in forms(self.page) if wanted in {form.fields.get("verb"), form.action}]
        data = urllib.parse.urlencode({**form.fields, **fields}).encode()
        headers = {"Origin": self._url}
        return self._show(urllib.request.Request(self._url + form.action, data, headers))

    def _show(self, request: urllib.request.Request) -> str:
        try:
            with self._open(request, timeout=30) as answer:
                self.page = answer.read().decode()
        except urllib.error.HTTPError as error:
            self.page = error.read().decode()
        return self.page


def test_one_proposes_another_approves_in_a_browser_and_it_holds_at_the_next_upload(tmp_path: Path, desk: Desk) -> None:
    with serving(tmp_path) as server:
        server.set_policy({"people.yaml": PEOPLE, "registries/python/registry.yaml": REGISTRY})
        server.set_policy({"waybill.yaml": ADMINS})
        bob, carol = server.token_for("bob"), server.token_for("carol")
        path = desk.save(wheel("payments-api"))
        upload = ("--repository-url", server.upload_url, "-u", "__token__", "-p", bob, path)
        assert desk.twine(*upload).returncode == 1

        clone = Clone.of(server, tmp_path / "clone")
        pushed = clone.propose("bob-publishes", {"registries/python/registry.yaml": REGISTRY + GRANT})
        assert "1 more approval, by carol or an admin" in pushed.stderr
        assert desk.twine(*upload).returncode == 1

        tab = Tab(server)
        assert "<h1>Sign in</h1>" in tab.get("/-/changes/bob-publishes")
        assert "bob: publish on" in tab.press("/-/login", token=carol)
        assert "The change is merged" in tab.press("approve")
        assert desk.twine(*upload).returncode == 0
        assert "Approved-By: carol" in run_git(server.git, "log", "-1", "main")
        assert "<h1>Sign in</h1>" in tab.press("/-/logout")
        assert "<h1>Sign in</h1>" in tab.get("/-/changes")

        log = server.log()
        assert "Traceback" not in log
        assert not any(token in log for token in (server.token, bob, carol))
