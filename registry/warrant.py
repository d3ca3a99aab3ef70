"""On whose word, and by which statement of the policy, something is done: what every event of the ledger names."""

from registry import credentials
from registry.errors import Forbidden
from registry.installation import OPERATOR, View
from registry.model import Decision, Origin
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Denied
from registry.policy.roles import Action, Principal

ON_THE_HOST = "operator on the host"


def warrant(
    view: View, principal: Principal | None, action: Action, registry: RegistryName, project: ProjectName
) -> tuple[Origin, Decision]:
    """Authorise somebody.

    Args:
        view: policy and ledger of the moment that counts.
        principal: who asks; None is the operator on the host.
        action: what for.
        registry: in which registry.
        project: on which project.

    Returns:
        Who does it, and what allows it.

    Raises:
        Forbidden: the policy does not allow it.
    """
    if principal is None:
        return Origin(OPERATOR, OPERATOR), Decision(view.policy.commit, ON_THE_HOST)
    verdict = view.decide(principal, action, registry, project)
    if isinstance(verdict, Denied):
        raise Forbidden(verdict.reason)
    return credentials.origin(principal), Decision(view.policy.commit, verdict.statement.ref)
