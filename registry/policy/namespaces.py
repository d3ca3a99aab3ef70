"""Names that are reserved by prefix: who may create a project below one (PEP 752).

https://peps.python.org/pep-0752/
"""

from registry.names import ProjectName, RegistryName
from registry.policy.files import Namespace, Statement
from registry.policy.policy import Policy, project_path
from registry.policy.rights import belongs
from registry.policy.roles import Principal


def namespace_of(policy: Policy, project: ProjectName) -> Namespace | None:
    """Find the reservation a name falls under: the longest prefix, so that one may be given away inside another."""
    found = [one for one in policy.organization().namespaces if project == one.prefix or _below(project, one.prefix)]
    return max(found, key=lambda one: len(one.prefix), default=None)


def reserved(
    policy: Policy, principal: Principal, registry: RegistryName, project: ProjectName, allowed: Statement
) -> str | None:
    """Tell why somebody who may publish may all the same not be the first to publish this name; None: they may.

    An owner of the prefix may, and a pipeline that the project's own file trusts: owners agree to such a file.

    Args:
        policy: the policy in force.
        principal: who publishes.
        registry: where.
        project: the project that would be created.
        allowed: the statement that lets them publish.
    """
    found = namespace_of(policy, project)
    if found is None or (principal.run and allowed.file == project_path(registry, project)):
        return None
    owners = tuple(entry.name for entry in found.owners)
    if not principal.run and belongs(policy, principal.name, owners) is True:
        return None
    return (
        f"The name '{project}' is reserved: {found.statement.place} gives the prefix {found.prefix} to "
        f"{', '.join(owners)}, who alone create projects below it (PEP 752). Choose another name, or ask them to "
        "publish its first file"
    )


def _below(project: ProjectName, prefix: str) -> bool:
    return project.startswith(f"{prefix}-")
