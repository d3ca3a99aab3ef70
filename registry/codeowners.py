"""A CODEOWNERS file from the owners in a policy, so that a forge asks the same people whom the policy names.

People stand in it by the e-mail address of people.yaml, which GitHub and GitLab both accept for an account: a login can
be given up and registered by somebody else, and the policy knows none. Who has no address there cannot be asked by a
forge and stands in a comment.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from registry.errors import Invalid
from registry.policy.judge.owners import admins, owners
from registry.policy.judge.touched import object_at
from registry.policy.policy import Policy, project_path

FORGES = ("github", "gitlab")
_PLACE = {"github": ".github/CODEOWNERS", "gitlab": ".gitlab/CODEOWNERS"}
_SECTION = {"github": "", "gitlab": "[Policy]\n"}  # GitLab asks for one approval per section


def codeowners(policy: Policy, forge: str, now: datetime) -> str:
    """Write the file; the last pattern that fits a path counts, on both forges.

    Args:
        policy: whose owners.
        forge: one of FORGES.
        now: the moment; grants end with their last day.

    Returns:
        Its text.

    Raises:
        Invalid: no admin has an e-mail address, so most files would have no owner.
    """
    top = admins(policy)
    if not _addresses(policy, top):
        raise Invalid(
            "No admin of waybill.yaml has an 'email' in people.yaml, by which a forge could ask them; add one"
        )
    lines = [
        f"# Made by 'waybill review codeowners --format {forge}'; save it as {_PLACE[forge]}, and again when owners",
        "# change. The policy itself is judged by 'waybill review': a forge does not know who gains by a change.",
    ]
    lines.append(_SECTION[forge] + _line(policy, "*", top, top))
    lines += [_line(policy, f"/{path}", named, top) for path, named in _named(policy, now)]
    return "\n".join(lines) + "\n"


def _named(policy: Policy, now: datetime) -> Iterator[tuple[str, Collection[str]]]:
    """List the paths that have owners of their own, the wider first."""
    for team in policy.teams():
        path = f"teams/{team}.yaml"
        yield path, owners(policy, object_at(path), now)
    for registry in policy.registries():
        whole = owners(policy, object_at(f"registries/{registry}/registry.yaml"), now)
        yield f"registries/{registry}/", whole
        for project in policy.declared(registry):
            own = owners(policy, object_at(project_path(registry, project)), now)
            if own != whole:
                yield project_path(registry, project), own


def _line(policy: Policy, pattern: str, people: Collection[str], top: Collection[str]) -> str:
    """Write one line; a pattern without owners would need no review, so the admins stand in."""
    asked = _addresses(policy, people) or _addresses(policy, top)
    silent = sorted(name for name in people if not _addresses(policy, [name]))
    note = f"# without e-mail address: {', '.join(silent)}\n" if silent else ""
    return f"{note}{pattern} {' '.join(asked)}"


def _addresses(policy: Policy, people: Collection[str]) -> list[str]:
    known = policy.accounts()
    return sorted(email for name in people if name in known and (email := known[name].email))
