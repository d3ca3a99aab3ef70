#!/usr/bin/env bats
# Run with: bats tests/   The programs that the hook uses are replaced; what they are given is written to files.

setup() {
  export BIN="$BATS_TEST_TMPDIR/bin" GIVEN="$BATS_TEST_TMPDIR/given" PATH="$BATS_TEST_TMPDIR/bin:$PATH" BUILDKITE=true
  export BUILDKITE_PLUGIN_WAYBILL_PUBLISH_URL=https://packages.acme.example
  mkdir -p "$BIN" "$GIVEN"
  stub buildkite-agent '
    case "$1 $2" in
      "artifact download") echo "$*" >"$GIVEN/download"; mkdir -p dist; echo x >dist/demo-1.0-py3-none-any.whl ;;
      "oidc request-token") echo "$*" >"$GIVEN/oidc"; echo the.identity.token ;;
      "redactor add") cat >"$GIVEN/redacted" ;;
      "annotate "*) echo "$*" >"$GIVEN/annotate"; cat >"$GIVEN/annotation" ;;
      "meta-data set") cat >"$GIVEN/$3" ;;
    esac'
  stub curl '
    case "$*" in
      *audience) echo "{\"audience\": \"packages.acme.example\"}" ;;
      *mint-token) cat >"$GIVEN/minted"; echo "{\"expires\": 1, \"success\": true, \"token\": \"wb_secret\"}" ;;
      *burn-token) cat >"$GIVEN/burned" ;;
    esac'
  stub twine 'echo "$*" >"$GIVEN/twine"'
  stub uv 'echo "$*" >"$GIVEN/uv"; echo "$UV_PUBLISH_USERNAME $UV_PUBLISH_PASSWORD" >"$GIVEN/login"'
}

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"$BIN/$1"
  chmod +x "$BIN/$1"
}

@test "it checks, exchanges the job's identity, publishes, and ends the token" {
  run hooks/command
  [ "$status" -eq 0 ]
  grep -q "^check --strict dist/demo-1.0-py3-none-any.whl$" "$GIVEN/twine"
  grep -q -- "--audience packages.acme.example --claim organization_id --claim pipeline_id" "$GIVEN/oidc"
  grep -q '"token": "the.identity.token"' "$GIVEN/minted"
  grep -q -- "--publish-url https://packages.acme.example/python/ dist/demo-1.0-py3-none-any.whl" "$GIVEN/uv"
  [ "$(cat "$GIVEN/login")" = "__token__ wb_secret" ]
  grep -q '"token": "wb_secret"' "$GIVEN/burned"
}

@test "waybill check takes the place of twine where it is installed" {
  stub waybill 'if [ "$1 $2" != "check --help" ]; then echo "$*" >"$GIVEN/waybill"; fi'
  run hooks/command
  [ "$status" -eq 0 ]
  [ "$(cat "$GIVEN/waybill")" = "check dist/demo-1.0-py3-none-any.whl" ]
  [ ! -e "$GIVEN/twine" ]
}

@test "it says what was published on the build's page and as meta-data" {
  run hooks/command
  grep -q -- "--style success" "$GIVEN/annotate"
  grep -q "demo-1.0-py3-none-any.whl" "$GIVEN/annotation"
  [ "$(cat "$GIVEN/waybill-files")" = '["demo-1.0-py3-none-any.whl"]' ]
  [ "$(cat "$GIVEN/waybill-index-url")" = https://packages.acme.example/python/simple/ ]
}

@test "the token is hidden in the log, and never shown" {
  run hooks/command
  [ "$(cat "$GIVEN/redacted")" = wb_secret ]
  [[ "$output" != *wb_secret* ]]
  [[ "$output" != *the.identity.token* ]]
}

@test "settings are used" {
  export BUILDKITE_PLUGIN_WAYBILL_PUBLISH_REGISTRY=internal BUILDKITE_PLUGIN_WAYBILL_PUBLISH_CLIENT=twine
  export BUILDKITE_PLUGIN_WAYBILL_PUBLISH_STEP=wheels
  run hooks/command
  [ "$status" -eq 0 ]
  grep -q -- "--step wheels" "$GIVEN/download"
  grep -q -- "--repository-url https://packages.acme.example/internal/ dist/demo-1.0-py3-none-any.whl" "$GIVEN/twine"
  [ ! -e "$GIVEN/uv" ]
}

@test "a refusal fails the step, in the registry's words" {
  stub curl 'case "$*" in *audience) echo "{\"audience\": \"a\"}" ;; *) cat >/dev/null; echo "No publisher fits"; exit 22 ;; esac'
  run hooks/command
  [ "$status" -eq 1 ]
  [[ "$output" == *"No publisher fits"* ]]
  grep -q -- "--style error" "$GIVEN/annotate"
  [ ! -e "$GIVEN/uv" ]
}

@test "without files nothing is asked for" {
  stub buildkite-agent 'if [ "$1" = annotate ]; then cat >/dev/null; else echo "$1" >>"$GIVEN/asked"; fi'
  run hooks/command
  [ "$status" -eq 1 ]
  [[ "$output" == *"no .whl and no .tar.gz"* ]]
  [ "$(cat "$GIVEN/asked")" = artifact ]
}

@test "what fails the check is not published, and gets no token" {
  stub twine 'exit 1'
  run hooks/command
  [ "$status" -eq 1 ]
  [ ! -e "$GIVEN/oidc" ]
}

@test "a setting that is missing or wrong is said" {
  BUILDKITE_PLUGIN_WAYBILL_PUBLISH_URL=http://packages.acme.example run hooks/command
  [ "$status" -eq 1 ]
  [[ "$output" == *"not https"* ]]
  unset BUILDKITE_PLUGIN_WAYBILL_PUBLISH_URL
  run hooks/command
  [ "$status" -ne 0 ]
  [[ "$output" == *"give the plugin a url"* ]]
}
