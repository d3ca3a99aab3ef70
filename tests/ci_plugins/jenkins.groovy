// Plays one stage of a Jenkinsfile: the steps that publishing uses, with the shell parts run by a real shell, in real Groovy.
// Arguments: the Jenkinsfile, the stage, the folder of the shared library. JOB_IDENTITY: what the credential gives.

@interface Library { String value() }

class Jenkins {
  String stage, library
  boolean played = false
  boolean publishing = false
  Map variables = [:]

  def pipeline(Closure body) { within(body) }
  def agent(what) { null }
  def agent(Closure what) { within(what) }
  def docker(Closure what) { within(what) }
  def image(String name) { null }
  def getNone() { 'none' }
  def getScm() { 'scm' }
  def options(Closure body) { within(body) }
  def skipDefaultCheckout() { null }
  def stages(Closure body) { within(body) }
  def stage(String name, Closure body) {
    publishing = name == stage
    if (publishing) { within(body); played = true }
  }
  def when(Closure body) { within(body) }
  def buildingTag() { if (!System.getenv('TAG_NAME')) { throw new IllegalStateException('not a tag') } }
  void setBeforeAgent(boolean yes) { }
  def beforeAgent(boolean yes) { null }
  def environment(Closure body) {
    body.delegate = new Expando()
    body.resolveStrategy = Closure.DELEGATE_FIRST
    body()
    variables.putAll(body.delegate.properties)
  }
  def steps(Closure body) { within(body) }
  def unstash(String name) { assert name == 'dist' } // the job's folder has it
  def writeFile(Map given) {
    def file = new File(given.file)
    file.parentFile.mkdirs()
    file.text = given.text
  }
  def readFile(String name) { new File(name).text }
  def libraryResource(String name) { new File("${library}/resources/${name}").text }
  def archiveArtifacts(Map given) { assert new File(given.artifacts).exists() }
  def error(String text) { throw new IllegalArgumentException(text) }
  def string(Map given) { given }
  def withEnv(List given, Closure body) { bound(given.collectEntries { it.toString().split('=', 2) as List }, body) }
  def withCredentials(List given, Closure body) {
    assert given*.credentialsId == ['waybill-id-token']
    bound([(given[0].variable): System.getenv('JOB_IDENTITY')], body)
  }
  def sh(String script) {
    def process = new ProcessBuilder(['sh', '-xe', '-c', script]).redirectErrorStream(true)
    process.environment().remove('JOB_IDENTITY')
    variables.each { name, value -> process.environment()[name] = value.toString() }
    def running = process.start()
    running.outputStream.close()
    running.inputStream.eachLine { println it }
    if (running.waitFor() != 0) { println "exit ${running.exitValue()}"; System.exit(1) }
  }
  def methodMissing(String name, arguments) {
    def step = new File("${library}/vars/${name}.groovy")
    if (!step.exists()) { throw new MissingMethodException(name, Jenkins, arguments) }
    def script = new GroovyShell(this.class.classLoader).parse(step)
    script.metaClass.methodMissing = { String other, given -> this.invokeMethod(other, given) }
    println "returned ${groovy.json.JsonOutput.toJson(script.call(*arguments))}"
  }

  private bound(Map more, Closure body) {
    def before = new LinkedHashMap(variables)
    variables.putAll(more)
    try { within(body) } finally { variables = before }
  }
  private within(Closure body) {
    body.delegate = this
    body.resolveStrategy = Closure.DELEGATE_FIRST
    body()
  }
}

def jenkins = new Jenkins(stage: args[1], library: args[2])
def file = new GroovyShell(this.class.classLoader).parse(new File(args[0]))
file.metaClass.methodMissing = { String name, given -> jenkins.invokeMethod(name, given) }
file.run()
if (!jenkins.played) { System.err.println("There is no stage ${args[1]}"); System.exit(1) }
