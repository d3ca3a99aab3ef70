"""Review the open pull requests of a policy: one comment on each says what it means, and is written anew as it changes.

Run by a job of the target branch, in a clone of it with full history:  python3 comment.py github|gitlab|bitbucket
With a number behind it, only that pull request is reviewed, and the exit code is 1 when it is refused.

Nothing of a pull request is ever executed or checked out: its commits are fetched, and `waybill review` reads them as
data. Python's standard library is all that is needed beside git and waybill.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

HEADING = "### Waybill review"
MOST = 100  # pull requests, reviews and comments looked at
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,200}")


@dataclass
class Pull:
    """One open pull request."""

    number: int
    target: str
    ref: str | None  # what to fetch; None: it comes from a fork that cannot be read
    head: str
    author: str
    approvers: list[str] = field(default_factory=list)


class Forge:
    """The calls that a forge's API needs."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base = base.rstrip("/")
        self.headers = headers

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(f"{self.base}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


class GitHub(Forge):
    """Needs GITHUB_TOKEN with pull-requests: write."""

    def __init__(self) -> None:
        super().__init__(os.environ["GITHUB_API_URL"], {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"})
        self.place = f"/repos/{os.environ['GITHUB_REPOSITORY']}"

    def pulls(self) -> Iterator[Pull]:
        for found in self.ask("GET", f"{self.place}/pulls?state=open&per_page={MOST}"):
            number, head = found["number"], found["head"]["sha"]
            pull = Pull(number, found["base"]["ref"], f"refs/pull/{number}/head", head, f"github:{found['user']['id']}")
            latest: dict[int, str] = {}  # an approval counts for the commit it was given to, unless taken back
            for review in self.ask("GET", f"{self.place}/pulls/{number}/reviews?per_page={MOST}"):
                if review["commit_id"] == head and review["state"] in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
                    latest[review["user"]["id"]] = review["state"]
            pull.approvers = [f"github:{user}" for user, state in latest.items() if state == "APPROVED"]
            yield pull

    def comments(self, pull: Pull) -> list[tuple[str, str]]:
        found = self.ask("GET", f"{self.place}/issues/{pull.number}/comments?per_page={MOST}")
        return [(f"{self.place}/issues/comments/{one['id']}", one["body"]) for one in found]

    def rewrite(self, comment: str, text: str) -> None:
        self.ask("PATCH", comment, {"body": text})

    def write(self, pull: Pull, text: str) -> None:
        self.ask("POST", f"{self.place}/issues/{pull.number}/comments", {"body": text})


class GitLab(Forge):
    """Needs WAYBILL_REVIEW_TOKEN: a project access token with scope api, protected, so that only this job has it."""

    def __init__(self) -> None:
        super().__init__(os.environ["CI_API_V4_URL"], {"PRIVATE-TOKEN": os.environ["WAYBILL_REVIEW_TOKEN"]})
        self.place = f"/projects/{int(os.environ['CI_PROJECT_ID'])}/merge_requests"

    def pulls(self) -> Iterator[Pull]:
        for found in self.ask("GET", f"{self.place}?state=opened&per_page={MOST}"):
            number = found["iid"]
            ref = f"refs/merge-requests/{number}/head"
            pull = Pull(number, found["target_branch"], ref, found["sha"], f"gitlab:{found['author']['id']}")
            given = self.ask("GET", f"{self.place}/{number}/approvals")  # set "remove all approvals" on new commits
            pull.approvers = [f"gitlab:{one['user']['id']}" for one in given["approved_by"]]
            yield pull

    def comments(self, pull: Pull) -> list[tuple[str, str]]:
        place = f"{self.place}/{pull.number}/notes"
        return [(f"{place}/{one['id']}", one["body"]) for one in self.ask("GET", f"{place}?per_page={MOST}")]

    def rewrite(self, comment: str, text: str) -> None:
        self.ask("PUT", comment, {"body": text})

    def write(self, pull: Pull, text: str) -> None:
        self.ask("POST", f"{self.place}/{pull.number}/notes", {"body": text})


class Bitbucket(Forge):
    """Needs WAYBILL_REVIEW_TOKEN: a repository access token with pullrequest:write, secured."""

    def __init__(self) -> None:
        base = os.environ.get("BITBUCKET_API_URL", "https://api.bitbucket.org/2.0")
        super().__init__(base, {"Authorization": f"Bearer {os.environ['WAYBILL_REVIEW_TOKEN']}"})
        self.name = os.environ["BITBUCKET_REPO_FULL_NAME"]
        self.place = f"/repositories/{self.name}/pullrequests"

    def pulls(self) -> Iterator[Pull]:
        for short in self.ask("GET", f"{self.place}?state=OPEN&pagelen=50")["values"]:
            found = self.ask("GET", f"{self.place}/{int(short['id'])}")
            source = found["source"]
            own = (source.get("repository") or {}).get("full_name") == self.name
            branch = source["branch"]["name"]
            ref = f"refs/heads/{branch}" if own and BRANCH.fullmatch(branch) else None
            target = found["destination"]["branch"]["name"]
            pull = Pull(found["id"], target, ref, source["commit"]["hash"], f"bitbucket:{found['author']['uuid']}")
            agreed = [one for one in found["participants"] if one["approved"]]
            pull.approvers = [f"bitbucket:{one['user']['uuid']}" for one in agreed]
            yield pull

    def comments(self, pull: Pull) -> list[tuple[str, str]]:
        place = f"{self.place}/{pull.number}/comments"
        found = self.ask("GET", f"{place}?pagelen={MOST}")["values"]
        return [(f"{place}/{one['id']}", one["content"]["raw"]) for one in found if not one.get("deleted")]

    def rewrite(self, comment: str, text: str) -> None:
        self.ask("PUT", comment, {"content": {"raw": text}})

    def write(self, pull: Pull, text: str) -> None:
        self.ask("POST", f"{self.place}/{pull.number}/comments", {"content": {"raw": text}})


FORGES = {"github": GitHub, "gitlab": GitLab, "bitbucket": Bitbucket}


def reviewed(pull: Pull) -> tuple[int, str]:
    """Fetch a pull request's commits and review them; the words of an error are fenced, since names stand in them."""
    if pull.ref is None:
        return 1, f"{HEADING}: not possible\n\nIt comes from a fork, which this job cannot read.\n"
    local = f"refs/waybill/{pull.number}"
    subprocess.run(["git", "fetch", "-q", "--no-tags", "origin", f"+{pull.ref}:{local}"], check=True)
    # Its head as the API named it: what is pushed meanwhile was not approved by those who were asked for.
    command = [
        "waybill",
        "review",
        f"origin/{pull.target}",
        pull.head,
        "--format",
        "markdown",
        f"--author={pull.author}",
    ]
    command += [f"--approved-by={approver}" for approver in pull.approvers]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stdout:
        return done.returncode, done.stdout
    said = done.stderr.replace("`", "'")
    return 1, f"{HEADING}: not possible\n\n```text\n{said}```\n"


def say(forge: Any, pull: Pull, text: str) -> None:
    """Write the comment, over the earlier one if that is ours: another's cannot be changed."""
    for comment, old in forge.comments(pull):
        if not old.startswith(HEADING):
            continue
        if old.strip() == text.strip():
            return
        try:
            forge.rewrite(comment, text)
        except urllib.error.HTTPError as error:
            if error.code not in {401, 403, 404}:
                raise
            continue
        return
    forge.write(pull, text)


def main(name: str, number: str = "") -> int:
    forge = FORGES[name]()
    refused = False
    for pull in forge.pulls():
        if number and pull.number != int(number):
            continue
        code, text = reviewed(pull)
        say(forge, pull, text)
        refused |= code != 0
    return int(refused and bool(number))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
