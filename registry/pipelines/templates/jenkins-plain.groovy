// Jenkinsfile of a multibranch pipeline, made by `waybill ci jenkins`. A build of a tag publishes it; nothing secret is stored.
// Needs the plugin oidc-provider, and in the job's folder a credential "OpenID Connect id token" with the id
// waybill-id-token and the audience <<audience>>.
pipeline {
  agent none
  options { skipDefaultCheckout() }
  stages {
    stage('Build') {
      when { buildingTag(); beforeAgent true }
      agent { docker { image 'python:3.13-bookworm' } } // pin it by digest
      steps {
        checkout scm
        sh 'python -m pip install --quiet --target .uv uv==<<uv>>'
        sh '.uv/bin/uv build --out-dir dist'
        sh '.uv/bin/uvx --from twine==<<twine>> twine check --strict dist/*'
        script { env.WAYBILL_COMMIT = sh(script: 'git rev-parse HEAD', returnStdout: true).trim() }
        stash name: 'dist', includes: 'dist/*'
      }
    }
<<publish_job>>
    // Only this stage has an identity token, so it runs nothing of the sources: there is no checkout here.
    stage('Publish') {
      when { buildingTag(); beforeAgent true }
      agent { docker { image 'python:3.13-bookworm' } } // pin it by digest
      environment {
        WAYBILL_URL = '<<url>>'
        WAYBILL_REGISTRY = '<<registry>>'
      }
      steps {
        unstash 'dist'
        sh 'python -m pip install --quiet --target .uv uv==<<uv>>'
        withCredentials([string(credentialsId: 'waybill-id-token', variable: 'WAYBILL_ID_TOKEN')]) {
          sh '''
            set +x -eu
            answer=$(printf '{"token": "%s", "declared": {"commit": "%s", "ref": "refs/tags/%s", "job": "%s"}}' \
              "$WAYBILL_ID_TOKEN" "$WAYBILL_COMMIT" "$TAG_NAME" "$BUILD_URL" |
              curl --silent --show-error --fail-with-body --max-time 20 --data-binary @- "$WAYBILL_URL/_/oidc/mint-token") ||
              { printf '%s\n' "$answer" | sed 's/wb_[0-9A-Za-z_]*/wb_***/g' >&2; exit 1; }
            UV_PUBLISH_TOKEN=$(printf '%s' "$answer" | tr -d '\n' | sed 's/.*"token" *: *"//; s/".*//')
            export UV_PUBLISH_TOKEN
            .uv/bin/uv publish --no-progress --trusted-publishing never --publish-url "$WAYBILL_URL/$WAYBILL_REGISTRY/" dist/*
            (cd dist && sha256sum -- *)
          '''
        }
      }
    }
<<end>>
  }
}
