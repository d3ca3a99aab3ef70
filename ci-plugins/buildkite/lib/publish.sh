#!/bin/sh
# Publish the files of a folder to a Waybill registry, by the identity that the CI system gives this job.
#
# The same file in the plugins of all CI systems. No token is ever written, nor given in a command line.
#   WAYBILL_URL       the registry server's address, such as https://packages.acme.example
#   WAYBILL_REGISTRY  where to publish (python)
#   WAYBILL_DIST      the folder with the files (dist)
#   WAYBILL_CLIENT    uv or twine (uv)
# It leaves waybill.env, with WAYBILL_FILES (a JSON list) and WAYBILL_INDEX_URL.
set +x -eu

url=${WAYBILL_URL:?is not set; give the input url}
url=${url%/}
registry=${WAYBILL_REGISTRY:-python}
dist=${WAYBILL_DIST:-dist}
client=${WAYBILL_CLIENT:-uv}
index="$url/$registry/simple/"

say() { printf 'waybill: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
ask() { curl --silent --show-error --fail-with-body --max-time 20 --retry 2 --retry-connrefused "$@"; }
member() { tr -d '\n' | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }

case $url in https://*) ;; *) fail "url: $url is not https, and tokens that travel unprotected can be used by others" ;; esac
case $client in uv | twine) ;; *) fail "client: $client is neither uv nor twine" ;; esac
case $registry in *[!a-z0-9-]* | '') fail "registry: $registry is not the name of a registry" ;; esac
set -- "$dist"/*.whl "$dist"/*.tar.gz
for file; do
  shift
  if [ -f "$file" ]; then set -- "$@" "$file"; fi
done
for file; do # as others read these names: in summaries, in results, and uv as patterns
  case ${file##*/} in *[!A-Za-z0-9._+!-]*) fail "dist: $dist has a file whose name is no package's; does the build make it?" ;; esac
done
if [ "$#" -eq 0 ]; then fail "dist: $dist has no .whl and no .tar.gz file; does the job get what the build made?"; fi

twine_of_ours() { # with what it needs as of a day, so that it is the same tomorrow
  if command -v twine >/dev/null; then twine "$@"; else uvx --exclude-newer 2026-11-20 --from twine==7.0.0 twine "$@"; fi
}

validate() {
  if command -v waybill >/dev/null && waybill check --help >/dev/null 2>&1; then
    waybill check "$@"
  else
    twine_of_ours check --strict "$@"
  fi
}

identity() {
  if [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ]; then
    printf 'Authorization: bearer %s' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
      ask --header @- "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$(audience)" | member value
  elif [ "${BUILDKITE:-}" = true ]; then
    buildkite-agent oidc request-token --audience "$(audience)" --claim organization_id --claim pipeline_id
  elif [ -n "${BITBUCKET_STEP_OIDC_TOKEN:-}" ]; then
    printf '%s' "$BITBUCKET_STEP_OIDC_TOKEN"
  else
    printf '%s' "${WAYBILL_ID_TOKEN:-}"
  fi
}

audience() { ask "$url/_/oidc/audience" | member audience; }

quoted() { printf '%s' "$1" | sed 's/[\"]/\\&/g'; }

# What the job knows of itself and its token does not prove; kept apart from what is proven.
declared() {
  if [ -n "${BITBUCKET_COMMIT:-}" ]; then
    printf '"commit": "%s"' "$BITBUCKET_COMMIT"
    if [ -n "${BITBUCKET_TAG:-}" ]; then printf ', "ref": "refs/tags/%s"' "$(quoted "$BITBUCKET_TAG")"; fi
    printf ', "job": "https://bitbucket.org/%s/pipelines/results/%s"' "$BITBUCKET_REPO_FULL_NAME" "$BITBUCKET_BUILD_NUMBER"
  elif [ -n "${JENKINS_URL:-}" ]; then
    printf '"job": "%s"' "$BUILD_URL"
    if [ -n "${WAYBILL_COMMIT:-}" ]; then printf ', "commit": "%s"' "$WAYBILL_COMMIT"; fi
    if [ -n "${TAG_NAME:-}" ]; then printf ', "ref": "refs/tags/%s"' "$(quoted "$TAG_NAME")"; fi
  fi
}

exchange() { # the identity token stands in its standard input
  if ! answer=$({ printf '{"token": "%s", "declared": {' "$(cat)"; declared; printf '}}'; } |
    ask --header 'Content-Type: application/json' --data-binary @- "$url/_/oidc/mint-token"); then
    why=$(printf '%s' "$answer" | tr -d '\n' | sed -n 's/.*"description" *: *"\(.*\)"} *\].*/\1/p')
    printf '%s\n' "${why:-$answer}" | sed 's/\\n/\n/g; s/\\"/"/g; s/wb_[0-9A-Za-z_]*/wb_***/g' >&2 # it says which statement to propose
    return 1
  fi
  printf '%s' "$answer" | member token
}

burn() { printf '{"token": "%s"}' "$token" | ask --output /dev/null --data-binary @- "$url/_/oidc/burn-token" || true; }

hide() {
  if [ -n "${GITHUB_ACTIONS:-}" ]; then printf '::add-mask::%s\n' "$token"; fi
  if [ "${BUILDKITE:-}" = true ]; then printf '%s' "$token" | buildkite-agent redactor add || true; fi
}

publish() {
  if [ "$client" = twine ]; then
    TWINE_USERNAME=__token__ TWINE_PASSWORD=$token \
      twine_of_ours upload --non-interactive --disable-progress-bar --repository-url "$url/$registry/" "$@"
  else
    for one in "$dist"/*.publish.attestation; do
      if [ -f "$one" ]; then set -- "$@" "$one"; fi
    done
    UV_PUBLISH_USERNAME=__token__ UV_PUBLISH_PASSWORD=$token \
      uv publish --no-progress --trusted-publishing never --publish-url "$url/$registry/" "$@"
  fi
}

table() {
  printf '### Published to %s\n\n| file | sha256 |\n| --- | --- |\n' "$index"
  for file; do printf '| %s | %s |\n' "${file##*/}" "$(sha256sum -- "$file" | cut -d' ' -f1)"; done
}

results() {
  files=
  for file; do files="$files${files:+, }\"${file##*/}\""; done
  printf 'WAYBILL_FILES=[%s]\nWAYBILL_INDEX_URL=%s\n' "$files" "$index" >waybill.env
}

validate "$@"
jwt=$(identity) || fail "the CI system gives this job no identity token; see the README of the plugin"
if [ -z "$jwt" ]; then fail "this job has no identity token; see the README of the plugin"; fi
token=$(printf '%s' "$jwt" | exchange) || fail "$url does not let this job publish"
trap burn EXIT
hide
publish "$@"
results "$@"
table "$@" >waybill-summary.md
cat waybill-summary.md
