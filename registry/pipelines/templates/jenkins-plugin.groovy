// Jenkinsfile of a multibranch pipeline, made by `waybill ci jenkins`. A build of a tag publishes it; nothing secret is stored.
// Needs the plugin oidc-provider, and in the job's folder a credential "OpenID Connect id token" with the id
// waybill-id-token and the audience <<audience>>.
@Library('<<plugin>>') _
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
        script { env.WAYBILL_COMMIT = sh(script: 'git rev-parse HEAD', returnStdout: true).trim() }
        stash name: 'dist', includes: 'dist/*'
      }
    }
<<publish_job>>
    // Only this stage has an identity token, so it runs nothing of the sources: there is no checkout here.
    stage('Publish') {
      when { buildingTag(); beforeAgent true }
      agent { docker { image 'python:3.13-bookworm' } } // pin it by digest
      steps {
        unstash 'dist'
        waybillPublish url: '<<url>>', registry: '<<registry>>', dist: 'dist'
      }
    }
<<end>>
  }
}
