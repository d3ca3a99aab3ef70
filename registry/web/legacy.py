"""What the old form at the upload URL says beside uploads: yank, unyank and remove_pkg, with name, version and reason.

remove_pkg is what pypiserver documents; yank and unyank (PEP 592) have its shape, for scripts that know no other.
"""

from collections.abc import Callable, Mapping

from registry import curate, names, removal
from registry.errors import Invalid
from registry.installation import Installation
from registry.names import ProjectName, RegistryName
from registry.policy.roles import Action, Principal
from registry.removal import Whole
from registry.web.auth import permit

UPLOAD = "file_upload"
FIELDS = ("name", "version", "reason")
_REGISTERING = ("submit", "verify", "submit_pkg_info")  # what setuptools' register sent
_Order = Callable[[Installation, Principal, RegistryName, ProjectName, str, str], str]


def ordered(
    installation: Installation, principal: Principal, registry: RegistryName, action: str, said: Mapping[str, str]
) -> str:
    """Do what a form without a file asks for.

    Args:
        installation: where.
        principal: who asks.
        registry: in which registry.
        action: the form's `:action`.
        said: its other fields.

    Returns:
        A sentence on what was done.

    Raises:
        Invalid: the action is unknown, or the form does not say of what. `NotFound` where there is no such release.
        Forbidden: the policy does not allow it.
    """
    if action in _REGISTERING:
        raise Invalid(f":action: {action!a} is not needed here; the first upload creates a project")
    if action not in _ORDERS:
        known = ", ".join((UPLOAD, *_ORDERS))
        raise Invalid(f":action: {action[:80]!a} is not served here; send one of {known}")
    for field in ("name", "version"):
        if field not in said:
            raise Invalid(f"{field}: missing; :action {action} says which release it means by name and version")
    needed, order = _ORDERS[action]
    project, version = names.project_name(said["name"]), names.version(said["version"])
    permit(installation.view(), principal, needed, registry, project)
    return order(installation, principal, registry, project, version, said.get("reason", ""))


def _yank(
    installation: Installation, by: Principal, registry: RegistryName, project: ProjectName, version: str, reason: str
) -> str:
    release = curate.yank(installation, by, registry, project, version, reason)
    return f"Yanked {project} {release.version}: installers skip it unless it is pinned"


def _unyank(
    installation: Installation, by: Principal, registry: RegistryName, project: ProjectName, version: str, _reason: str
) -> str:
    release = curate.unyank(installation, by, registry, project, version)
    return f"{project} {release.version} is not yanked any more"


def _remove(
    installation: Installation, by: Principal, registry: RegistryName, project: ProjectName, version: str, reason: str
) -> str:
    outcome = removal.delete(installation, by, Whole(registry, project, version, None), reason)
    if not outcome.files:
        return f"{project} {version} was deleted before; nothing was written"
    return f"Deleted {len(outcome.files)} files of {project} {version}; the names stay taken"


_ORDERS: Mapping[str, tuple[Action, _Order]] = {
    "yank": (Action.YANK, _yank),
    "unyank": (Action.YANK, _unyank),
    "remove_pkg": (Action.DELETE, _remove),
}
