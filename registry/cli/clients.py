"""Ready-made client configuration, for whoever just got a token."""

from urllib.parse import urlsplit

_TEXT = """\
Index URL:   {base}/{registry}/simple/
Upload URL:  {base}/{registry}/
User name:   __token__
Token:       {token}

# pip: ~/.config/pip/pip.conf (the only index; see README, "Beside PyPI")
[global]
index-url = {with_token}/{registry}/simple/

# uv: pyproject.toml, and:  export UV_INDEX_{env}_USERNAME=__token__ UV_INDEX_{env}_PASSWORD={token}
#                           export UV_PUBLISH_TOKEN={token}      then:  uv publish --index {name}
[[tool.uv.index]]
name = "{name}"
url = "{base}/{registry}/simple/"
publish-url = "{base}/{registry}/"
default = true  # the only index; to use PyPI beside it, write explicit = true and name your projects in tool.uv.sources

# twine: ~/.pypirc, then:  twine upload --repository {name} dist/*
[distutils]
index-servers = {name}
[{name}]
repository = {base}/{registry}/
username = __token__
password = {token}

# Poetry:
poetry source add --priority=primary {name} {base}/{registry}/simple/
poetry config repositories.{name} {base}/{registry}/
poetry config http-basic.{name} __token__ {token}

# PDM:
pdm config pypi.url {base}/{registry}/simple/
pdm config pypi.username __token__
pdm config pypi.password {token}
pdm config repository.{name}.url {base}/{registry}/
pdm config repository.{name}.username __token__
pdm config repository.{name}.password {token}

# pipenv: Pipfile, and:  export {env}_TOKEN={token}
[[source]]
name = "{name}"
url = "{with_variable}/{registry}/simple/"
verify_ssl = true

# Hatch, then:  hatch publish
export HATCH_INDEX_REPO={base}/{registry}/ HATCH_INDEX_USER=__token__ HATCH_INDEX_AUTH={token}

# Flit, then:  flit publish
export FLIT_INDEX_URL={base}/{registry}/ FLIT_USERNAME=__token__ FLIT_PASSWORD={token}
"""


def configurations(base: str, registry: str, token: str) -> str:
    """Write what each client needs to use a registry.

    Args:
        base: the server's address, without a slash at the end.
        registry: which registry.
        token: whose rights are used.
    """
    scheme, host = base.split("://", 1) if "://" in base else ("https", urlsplit(base).path)
    name, env = "waybill", "WAYBILL"
    with_token = f"{scheme}://__token__:{token}@{host}"
    with_variable = f"{scheme}://__token__:${{{env}_TOKEN}}@{host}"
    fields = {"base": base, "registry": registry, "token": token, "name": name, "env": env}
    return _TEXT.format(**fields, with_token=with_token, with_variable=with_variable)
