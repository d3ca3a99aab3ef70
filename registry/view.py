"""Policy and ledger at one moment: what every question is answered from."""

from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

from registry.index import Index
from registry.model import Origin
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed, Denied, decide
from registry.policy.files import BadFile
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from registry.state import State
from registry.store import Signature

OPERATOR = "operator"  # whoever runs commands on the host: the file system lets them do anything, the log says they did


class View:
    """What was in force, and what was recorded."""

    def __init__(self, policy: Policy, index: Index, now: datetime, state: State | None = None) -> None:
        self.state = state
        self.policy = policy
        self.index = index
        self.now = now

    def decide(
        self, principal: Principal, action: Action, registry: RegistryName, project: ProjectName | None
    ) -> Allowed | Denied:
        """Decide by the policy of this moment."""
        return decide(self.policy, principal, action, registry, project, self.now)

    def author(self, origin: Origin) -> Signature:
        """Sign as whoever did something."""
        account = None
        with suppress(BadFile):  # what repairs people.yaml must not depend on it
            account = None if origin.trust == OPERATOR else self.policy.accounts().get(origin.principal)
        name = "publisher" if origin.trust == "oidc" else origin.principal
        email = account.email if account and account.email else f"{name}@{self._host()}"
        return Signature(origin.principal, email)

    def committer(self) -> Signature:
        """Sign as the server."""
        return Signature("Waybill", f"registry@{self._host()}")

    def _host(self) -> str:
        """Name the installation in addresses; `.invalid` where it has no public URL (RFC 2606)."""
        try:
            organization = self.policy.organization()
        except BadFile:
            return "waybill.invalid"
        return urlsplit(organization.url or "").hostname or f"{organization.organization}.invalid"
