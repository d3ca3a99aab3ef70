"""Who may see the whole git repository and propose changes, which is all or nothing, and who may decide on them."""

from registry.errors import Forbidden, Unauthenticated
from registry.policy.files import Account, Named
from registry.policy.policy import Policy
from registry.policy.rights import belongs
from registry.policy.roles import Principal


def reader(policy: Policy, principal: Principal) -> Account:
    """Let somebody read policy, ledger and changes: an admin or auditor, through a token that is not limited.

    Args:
        policy: the policy in force.
        principal: who asks.

    Raises:
        Unauthenticated: nobody in particular asks.
        Forbidden: somebody asks who may not.
        BadFile: the policy cannot be read, so nobody may.
    """
    account = _known(policy, principal)
    if not is_reader(policy, principal):
        raise Forbidden(
            f"{principal.name} is neither among admins nor among auditors in waybill.yaml, and the git repository "
            "shows every project; an admin can add you to auditors"
        )
    return account


def person(policy: Policy, principal: Principal) -> Account:
    """Let a person propose changes: a reader who is no service account.

    Raises:
        Unauthenticated: nobody in particular asks.
        Forbidden: somebody asks who may not.
        BadFile: the policy cannot be read.
    """
    return _no_service(reader(policy, principal))


def voter(policy: Policy, principal: Principal) -> Account:
    """Let a person decide on changes, whoever it is: whether their word counts for one, its judgement says.

    Raises:
        Unauthenticated: nobody in particular asks.
        Forbidden: somebody asks who may not: a service account, or through a limited token.
        BadFile: the policy cannot be read.
    """
    return _no_service(_known(policy, principal))


def is_reader(policy: Policy, principal: Principal) -> bool:
    """Tell whether somebody is among those whom the git repository is open to, admins and auditors.

    Raises:
        BadFile: the policy cannot be read.
    """
    name, organization = principal.name, policy.organization()
    allowed = (*organization.admins, *organization.auditors)
    return name is not None and any(_among(policy, name, named) for named in allowed)


def is_admin(policy: Policy, principal: Principal) -> bool:
    """Tell whether somebody is among the organization's admins.

    Raises:
        BadFile: the policy cannot be read.
    """
    name = principal.name
    return name is not None and any(_among(policy, name, admin) for admin in policy.organization().admins)


def _known(policy: Policy, principal: Principal) -> Account:
    """Tell whose token it is; a limited one opens nothing that concerns more than it is limited to."""
    if principal.name is None:
        raise Unauthenticated("For the git repository, give a token as password; any user name will do")
    account = policy.accounts().get(principal.name)
    if account is None:
        raise Forbidden(f"people.yaml has no entry '{principal.name}'; add one")
    if account.disabled:
        raise Forbidden(f"{account.statement.place} says disabled: true")
    if not principal.scope.whole:
        raise Forbidden(f"Token {principal.token} is limited, and changes are not; use a token without limits")
    return account


def _no_service(account: Account) -> Account:
    if account.service:
        raise Forbidden(f"{account.statement.place} says service: true, and changes are people's; use a person's token")
    return account


def _among(policy: Policy, name: str, named: Named) -> bool:
    return belongs(policy, name, (named.name,)) is True
