"""What the policy of a new installation says: one registry, one admin, and comments on what comes next."""

import re

from registry.errors import Invalid
from registry.policy import parse
from registry.policy.files import BadFile

_ORGANIZATION = """\
organization: {organization}
# url: https://packages.{organization}.example   # public address, once there is one
admins: [{admin}]
review:
  # How many people must approve a change besides its author. With 0, a change by somebody who owns all that it
  # touches merges as it is pushed; raise it as soon as there are two of you.
  approvals: 0
"""
_PEOPLE = """\
# Everybody who may hold a token. Services are written like this:  deploy-bot: {{service: true, owner: {admin}}}
{admin}: {{}}
"""
_REGISTRY = """\
kind: source
visibility: private      # private | internal (any signed-in person) | public (no credentials to read)
projects: open           # open: the first upload may create a project · declared: a file in projects/ names it first
grants:
  - role: read
    to: [everyone]
"""
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def first_policy(organization: str, admin: str) -> dict[str, bytes]:
    """Write the policy a new installation begins with, sure that it can be read.

    Args:
        organization: its short name.
        admin: id of the first person.

    Returns:
        Each file's content by its path.

    Raises:
        Invalid: a name cannot be used.
    """
    for option, name in (("organization", organization), ("admin", admin)):
        if not _ID.fullmatch(name):
            repair = "write 1-64 lower-case letters, digits, '.', '_' or '-'"
            raise Invalid(f"--{option}: {name!a} cannot be used; {repair}")
    people = _PEOPLE.format(admin=admin).encode()
    whole = _ORGANIZATION.format(organization=organization, admin=admin).encode()
    option, name = "admin", admin
    try:
        parse.people(people, "people.yaml")
        option, name = "organization", organization
        parse.organization(whole, "waybill.yaml")
    except BadFile as bad:
        why = bad.problems[0].text.partition(";")[0]
        raise Invalid(f"--{option}: {name!a} cannot be used: {why}; choose another name") from None
    return {"waybill.yaml": whole, "people.yaml": people, "registries/python/registry.yaml": _REGISTRY.encode()}
