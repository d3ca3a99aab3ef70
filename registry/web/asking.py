"""Who may ask about rights, and how much they are told: also of composites, which hide what is behind them."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from registry import audit
from registry.answers import verdict_json
from registry.errors import Forbidden, Invalid
from registry.installation import View
from registry.members import members
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed, Denied, entitled
from registry.policy.given import readable
from registry.policy.policy import Policy
from registry.policy.rights import belongs
from registry.policy.roles import Action, Principal
from registry.web.doors import Need, passed
from registry.web.together import reading


def sees_behind(view: View, principal: Principal, registry: RegistryName, project: ProjectName, asked: Policy) -> bool:
    """Tell whether somebody may know what is, or was in the policy asked about, behind a registry."""
    files = (readable(policy.registry, registry) for policy in (view.policy, asked))
    if not any(file and file.kind == "composite" for file in files):
        return True
    try:
        require_say(view, principal, registry, project, asked)
    except Forbidden:
        return False
    return True


def of_composite(view: View, principal: Principal, registry: RegistryName, project: ProjectName) -> ResponseReturnValue:
    """Say to a reader of a composite what it says: nothing of registries behind it that they may not read."""
    try:
        reading(view, principal, registry, project).owner(project)
    except Forbidden as error:
        verdict: Allowed | Denied = Denied(str(error))
    else:
        verdict = view.decide(principal, Action.READ, registry, project)
    return jsonify(policy=view.policy.commit, **verdict_json(principal, verdict))


def require_say(view: View, principal: Principal, registry: RegistryName, project: ProjectName, asked: Policy) -> None:
    """Let those see others' rights who may change them, and auditors; a limited token sees what it is limited to.

    Of a composite, the same is asked of all it is made of, or was in the policy asked about.
    """
    auditors = tuple(named.name for named in view.policy.organization().auditors)
    if principal.scope.whole and belongs(view.policy, principal.name, auditors) is True:
        return
    for one in (registry, *_behind(view.policy, registry), *_behind(asked, registry)):
        verdict = entitled(view.policy, principal, Action.ADMINISTER, one, project, view.now)  # also while frozen
        if not isinstance(verdict, Allowed):
            raise Forbidden(f"{principal} may not ask about others' rights on {project}; its admins and auditors may")


def _behind(policy: Policy, registry: RegistryName) -> tuple[RegistryName, ...]:
    """List the registries of a composite; none, where one cannot be asked: nobody reads anything there then."""
    try:
        found = members(policy, registry)
    except Forbidden:
        return ()
    return found.registries if found else ()


def require_sight_of_policy(view: View, principal: Principal) -> None:
    """Let those see the whole policy who may read its git repository: admins and auditors, by a token that may all."""
    organization = view.policy.organization()
    entitled_by = tuple(named.name for named in (*organization.admins, *organization.auditors))
    if not principal.scope.whole or belongs(view.policy, principal.name, entitled_by) is not True:
        raise Forbidden(
            f"{principal} may not see how rights changed; admins and auditors may, by a token without limits"
        )
    passed(Need.AUDITOR)


def only_registry(policy: Policy) -> RegistryName:
    """Give the registry a question means that names none; the names of others are not for everybody."""
    try:
        return audit.only_registry(policy)
    except Invalid:
        raise Invalid("registry: say which one; /-/api/v1/registries lists those that you may read in") from None
