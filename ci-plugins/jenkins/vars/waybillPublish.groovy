// Publishes what the build stashed, by an identity token of Jenkins; see the README. Call it on an agent with curl and Python.
//   waybillPublish url: 'https://packages.acme.example', registry: 'python', dist: 'dist', client: 'uv'
// Returns a map: files (a JSON list) and indexUrl.
def call(Map inputs) {
  def known = ['url', 'registry', 'dist', 'client', 'credentialsId']
  def unknown = inputs.keySet() - known
  if (unknown) { error("waybillPublish: ${unknown.join(', ')} means nothing here; known are ${known.join(', ')}") }
  if (!inputs.url) { error('waybillPublish: give the input url') }
  writeFile file: '.waybill/publish.sh', text: libraryResource('waybill/publish.sh')
  withEnv([
    "WAYBILL_URL=${inputs.url}",
    "WAYBILL_REGISTRY=${inputs.registry ?: 'python'}",
    "WAYBILL_DIST=${inputs.dist ?: 'dist'}",
    "WAYBILL_CLIENT=${inputs.client ?: 'uv'}",
  ]) {
    withCredentials([string(credentialsId: inputs.credentialsId ?: 'waybill-id-token', variable: 'WAYBILL_ID_TOKEN')]) {
      sh '''
        set -eu
        if ! command -v uv >/dev/null; then python3 -m pip install --quiet --target .uv uv==0.13.8; fi
        PATH="$PWD/.uv/bin:$PATH" sh .waybill/publish.sh
      '''
    }
  }
  archiveArtifacts artifacts: 'waybill-summary.md', fingerprint: false
  def results = readFile('waybill.env').readLines().collectEntries { line -> line.split('=', 2) as List }
  return [files: results.WAYBILL_FILES, indexUrl: results.WAYBILL_INDEX_URL]
}
