import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { asRefusalToWrite } from './files.mjs';
import { endLeftovers, leftoversOf } from './leftovers.mjs';
import { READY_PROBE_MS, READY_PROBE_TIMEOUT_MS, STACK_LOOK_MS, STOP_NATS_MS, STOP_TOTAL_MS } from './limits.mjs';
import { countRuns, endAgents } from './open-runs.mjs';
import { launchNats, prepareNats, watchNats } from './own-nats.mjs';
import { homeLock } from './owner-lock.mjs';
import { isNoMore, placeOf } from './place.mjs';
import { startTimeOf } from './process-info.mjs';
import { RotatingLog } from './rotating-log.mjs';
import { Refusal, shortPath } from './say.mjs';
import { EXIT_CONFIG, RUNNER, SERVICES, askToStop, launchService, watchService } from './services.mjs';
import { choosePort } from './settings.mjs';
import { StackFile } from './stack-file.mjs';
import { SupervisedProcess } from './supervised-process.mjs';

/** NATS and the four services of one home: `open`, `start`, `stop`. `run/stack.json` shows it from `open` to `stop`. */
export class Stack {
  #root;
  #settings;
  #say;
  #runDir;
  #lock;
  #file;
  /** name → SupervisedProcess, in the order of stopping. */
  #processes = new Map();
  #logs = [];
  #settled = { ready: () => {}, refused: () => {} };
  #wasReady = false;
  /** Every process says that it is ready, and so does the door they are all behind. */
  #answers = false;
  #probing = false;
  /** Set by the first stop: nothing is started any more. */
  #closed = false;
  #looking = null;
  /** Which directory the home was when it was taken. */
  #place = null;
  /** It is another one by now, or none: whatever were started there would begin a new home. */
  #lost = false;
  /** Of a launcher that was killed, still shown until they are ended. */
  #left = {};
  /** Whom to tell to stop. */
  #launcher = { pid: process.pid, startTime: startTimeOf(process.pid) };
  #userUmask;
  /** What to do when the home was moved or removed. */
  onLost = null;
  url = null;
  natsUrl = null;

  /**
   * @param {object} options
   * @param {string} options.root the checkout
   * @param {import('./settings.mjs').Settings} options.settings
   * @param {(about: string, what: string) => void} options.say
   */
  constructor({ root, settings, say }) {
    this.#root = root;
    this.#settings = settings;
    this.#say = say;
    this.#runDir = join(settings.home, 'run');
    this.#lock = homeLock(settings.home);
    this.#file = new StackFile(this.#runDir, () => this.#asShown(), say);
  }

  get home() { return this.#settings.home; }
  get tokenFile() { return join(this.home, 'api-gateway', 'admin.token'); }
  logFile(name) { return join(this.#runDir, 'logs', `${name.replace('/', '-')}.log`); }

  /**
   * Takes the home, and ends what a killed launcher of it left.
   * @throws Refusal when another launcher holds it, or nobody can write there
   */
  async open() {
    const holder = this.#takeHome();
    if (holder) {
      throw new Refusal(`OrbitMesh already runs in ${shortPath(this.home)}: launcher pid ${holder.pid}, started from ${holder.checkout}. ` +
        'Stop that one first, or set ORBITMESH_HOME to another directory.');
    }
    this.#place = placeOf(this.home);
    this.#left = leftoversOf(this.home);
    this.#file.publish();
    this.#looking = setInterval(() => this.#look(), STACK_LOOK_MS).unref();
    await this.#endLeftovers();
  }

  /** At what nobody tells: a process that is suspended, a file that somebody removed. */
  #look() {
    this.#lookForHome();
    for (const one of this.#processes.values()) one.look();
    if (!this.#lost) this.#file.publishIfGone();
  }

  #lookForHome() {
    if (this.#lost || this.onLost === null || !isNoMore(this.#place, this.home)) return;
    this.#lost = true;
    for (const one of this.#processes.values()) one.giveUp();
    this.#say('home', `${shortPath(this.home)} is not the directory any more that was started: it was moved or removed`);
    this.onLost();
  }

  /**
   * Starts everything; resolves when all are ready for the first time, however long that takes.
   * @param {string | null} natsServer the binary; not needed with a NATS of the user's own
   * @throws Refusal when the port is taken, nobody can write to the home, or a service says that its configuration is wrong
   */
  async start(natsServer) {
    // Set-up is over: what is made from here on is for its owner alone. Agents make files as their user does.
    this.#userUmask ??= process.umask(0o077).toString(8).padStart(3, '0');
    const allReady = new Promise((ready, refused) => { this.#settled = { ready, refused }; });
    await this.#prepare(natsServer).catch((error) => { throw asRefusalToWrite(error, this.home, HOME_ADVICE); });
    // NATS first only saves the others a reconnect: each of them waits for it anyway.
    for (const one of [...this.#processes.values()].reverse()) if (!this.#closed) one.start();
    await allReady;
  }

  /** Who is not ready, for a person who waits. */
  get missing() {
    const names = [...this.#processes.values()].filter((one) => one.state !== 'ready').map((one) => one.name);
    return names.length > 0 ? names : [`${this.url}/health/ready`];
  }

  /**
   * Stops runner → notifier → gateway → session-service → NATS, and gives the home back.
   * @returns {Promise<boolean>} false when somebody had to be killed, or agents may still be running
   */
  async stop({ keepAgents = false } = {}) {
    this.#closed = true;
    const deadline = performance.now() + STOP_TOTAL_MS;
    let clean = true;
    for (const one of this.#processes.values()) {
      const stopMs = SERVICES.find((service) => service.name === one.name)?.stopMs ?? STOP_NATS_MS;
      const reserved = one.name === 'nats' ? 0 : STOP_NATS_MS;
      const left = Math.max(0, Math.min(stopMs, deadline - reserved - performance.now()));
      const ask = one.name === 'nats' ? (child) => child.kill('SIGTERM') : askToStop(keepAgents);
      const runs = () => (one.name === RUNNER && !keepAgents && !this.#lost ? countRuns(this.home, RUNNER) : { open: 0, living: 0 });
      const end = await one.stop(ask, left, () => runs().open > 0);
      if (end === 'killed') this.#say(one.name, 'did not stop in time and was killed');
      if (one.name === RUNNER && !keepAgents && (end !== 'stopped' || this.#lost)) await this.#endAgents();
      const { open, living } = end === 'stopped' ? { open: 0, living: 0 } : runs();
      if (living > 0) this.#say('agents', `${living} still ${living === 1 ? 'runs' : 'run'}; the next npm start goes on with ${living === 1 ? 'it' : 'them'}, and its Ctrl-C ends ${living === 1 ? 'it' : 'them'}`);
      else if (open > 0) this.#say('agents', `have ended, which could not be written down for ${open}; the next npm start does`);
      clean &&= end !== 'killed' && open === 0;
    }
    this.#handBack();
    return clean && !this.#lost;
  }

  /** Their runner could not. */
  async #endAgents() {
    const ended = await endAgents(this.home, RUNNER);
    if (ended > 0) this.#say('agents', `${ended} ended without ${ended === 1 ? 'its' : 'their'} runner`);
  }

  /** Kills everything now. Agents are left to be adopted by the next start. */
  forceStop() {
    this.#closed = true;
    for (const one of this.#processes.values()) one.kill();
    this.#handBack();
  }

  #takeHome() {
    try {
      mkdirSync(join(this.#runDir, 'logs'), { recursive: true, mode: 0o700 });
      return this.#lock.tryAcquire({ checkout: this.#root });
    } catch (error) {
      throw asRefusalToWrite(error, this.home, HOME_ADVICE);
    }
  }

  async #prepare(natsServer) {
    const { host } = this.#settings;
    const port = await choosePort(this.#settings, join(this.#runDir, 'gateway.port'));
    this.url = `http://${reachable(host)}:${port}`;
    const nats = this.#settings.natsUrl ? null : await prepareNats(this.#runDir);
    this.natsUrl = this.#settings.natsUrl ?? nats.url;
    for (const service of SERVICES) this.#processes.set(service.name, this.#supervise(service, port, nats?.passwords));
    if (nats) this.#processes.set('nats', this.#superviseNats(natsServer, nats));
  }

  get #allReady() { return this.#processes.size > 0 && [...this.#processes.values()].every((one) => one.state === 'ready'); }

  /** @param natsPasswords the directory; undefined: as the user's own NATS wants it */
  #supervise(service, port, natsPasswords) {
    const { home, host } = this.#settings;
    const shared = {
      ORBITMESH_USER_UMASK: this.#userUmask, ...process.env, ...service.env,
      ORBITMESH_HOME: home, ORBITMESH_HOME_PLACE: this.#place, ORBITMESH_HOST: host, ORBITMESH_PORT: String(port),
      ORBITMESH_NATS_URL: this.natsUrl, ORBITMESH_API_URL: this.url, ...(natsPasswords && { ORBITMESH_NATS_PASSWORDS: natsPasswords }),
    };
    return this.#make(service.name, (restarts) => launchService(service, { root: this.#root, shared, restarts }), watchService);
  }

  #superviseNats(binary, { configFile, port }) {
    return this.#make('nats', () => launchNats(binary, configFile, this.home), watchNats(port));
  }

  #make(name, launch, watch) {
    const log = new RotatingLog(this.logFile(name));
    this.#logs.push(log);
    return new SupervisedProcess({ name, launch, watch, log, isHopeless: (one) => this.#isHopeless(one), onChange: (one, note) => this.#onChange(one, note) });
  }

  /** What it was configured with is what it would be configured with again. */
  #isHopeless(one) { return !this.#wasReady && one.exitCode === EXIT_CONFIG; }

  #onChange(one, note) {
    if (note) this.#say(one.name, `${note}${one.lastWords ? `\n${' '.repeat(27)}last words: ${one.lastWords}` : ''}`);
    else if (one.state === 'ready') this.#say(one.name, `ready (pid ${one.pid})`);
    else if (one.state === 'frozen') this.#say(one.name, `is suspended; kill -CONT ${one.pid} lets it go on`);
    else if (one.state === 'not_ready') this.#say(one.name, 'is up, but cannot serve at the moment');
    if (one.state === 'waiting' && this.#isHopeless(one)) {
      this.#settled.refused(new Refusal(`${one.name} cannot start: ${one.lastWords}`));
    }
    if (!this.#allReady) this.#answers = false;
    else if (!this.#answers) void this.#probe();
    // Before it is started again.
    if (one.state === 'waiting') this.#lookForHome();
    if (!this.#lost) this.#file.publish();
  }

  /** Processes that are ready find each other a moment later; whoever reads `ready` must be able to rely on it. */
  async #probe() {
    if (this.#probing) return;
    this.#probing = true;
    while (this.#allReady && !this.#closed && !this.#answers) {
      this.#answers = (await answersReady(this.url)) && this.#allReady;
      if (!this.#answers) await pause(READY_PROBE_MS);
    }
    this.#probing = false;
    if (!this.#answers || this.#closed) return;
    this.#file.publish();
    this.#wasReady = true;
    this.#settled.ready();
  }

  #asShown() {
    const external = this.#settings.natsUrl ? { nats: { pid: null, startTime: null, state: 'external', restarts: 0 } } : {};
    const services = { ...this.#left, ...external, ...Object.fromEntries([...this.#processes].map(([name, one]) => [name, one.view])) };
    return { ready: this.#answers && !this.#closed, url: this.url, natsUrl: this.natsUrl, launcher: this.#launcher, services };
  }

  #handBack() {
    clearInterval(this.#looking);
    for (const log of this.#logs.splice(0)) log.close();
    try {
      this.#file.remove();
      // What is there by its name now is another's.
      if (!this.#lost) this.#lock.release();
    } catch (error) {
      // Both end with this process anyway.
      this.#say('run/', `could not be given back: ${error.message}`);
    }
  }

  async #endLeftovers() {
    if (Object.keys(this.#left).length === 0) return;
    this.#say('left over', `ending ${Object.keys(this.#left).join(', ')} of a launcher that was killed`);
    await endLeftovers(this.#left);
    this.#left = {};
    this.#file.publish();
  }
}

const HOME_ADVICE = 'or set ORBITMESH_HOME to another directory';

/** Under a Host that the gateway takes whatever it listens on. */
function answersReady(url) {
  const { hostname, port } = new URL(url);
  return new Promise((done) => {
    const request = get({
      host: hostname.replace(/^\[|\]$/g, ''), port, path: '/health/ready', headers: { host: `127.0.0.1:${port}` }, timeout: READY_PROBE_TIMEOUT_MS,
    }, (answer) => {
      answer.resume();
      done(answer.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    // Not reachable is not ready; the gateway's own log says why.
    request.once('error', () => done(false));
    request.once('close', () => done(false));
  });
}

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** A wildcard address is no address to call. */
function reachable(host) {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
