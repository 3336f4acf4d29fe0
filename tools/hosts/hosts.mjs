// Machines made of Linux namespaces: each has a network, a name, processes and a home of its own, and a cable to one bridge.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { ROOT } from '../lib/set-up.mjs';
import { entryOf } from '../lib/bundle.mjs';

const NET = '10.77.0';
export const SWITCH = `${NET}.254`;
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });

/** The bridge, in the network namespace that this process has for itself. */
export function makeSwitch() {
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', 'br0', 'type', 'bridge');
  ip('addr', 'add', `${SWITCH}/24`, 'dev', 'br0');
  ip('link', 'set', 'br0', 'up');
}

/** Its first process takes over what others leave, as a system's does; with it all of them end. */
const INIT = `hostname "$1" && mount --bind "$2/disks/$1/home" "$2/home" && mount --bind "$2/disks/$1/work" "$2/work" && mount -t tmpfs none "$2/disks" && echo up && while :; do sleep 0.5; done`;

export class Host {
  /** @param base a directory: on every host `home` and `work` in it are its own, and nothing of the others' is there */
  static async start(name, number, base) {
    for (const dir of ['home', 'work']) for (const path of [join(base, dir), join(base, 'disks', name, dir)]) mkdirSync(path, { recursive: true, mode: dir === 'home' ? 0o700 : 0o755 });
    const holder = spawn('unshare', ['--net', '--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', INIT, 'sh', name, base], { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit').then(() => { throw new Error(`${name} did not start`); })]);
    const init = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'));
    const host = new Host(name, `${NET}.${number}`, base, init);
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(init));
    ip('link', 'set', name, 'master', 'br0', 'up');
    for (const args of [['addr', 'add', `${host.address}/24`, 'dev', 'eth0'], ['link', 'set', 'eth0', 'up'], ['link', 'set', 'lo', 'up']]) host.run('ip', ...args);
    return host;
  }

  constructor(name, address, base, init) {
    Object.assign(this, { name, address, init, home: join(base, 'home'), work: join(base, 'work'), disk: join(base, 'disks', name), said: '' });
  }

  inside(command) {
    return ['--target', String(this.init), '--net', '--uts', '--mount', '--pid', '--', ...command];
  }

  run(...command) {
    return execFileSync('nsenter', this.inside(command), { encoding: 'utf8' }).trim();
  }

  /** What is told to it, and nothing of this process's environment. */
  launch(command, env = {}) {
    const child = spawn('nsenter', this.inside(command), { cwd: ROOT, env: { PATH: process.env.PATH, HOME: this.home, ORBITMESH_HOME: this.home, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { this.said += bytes; });
    return child;
  }

  service(app, env) {
    return this.launch([process.execPath, entryOf(ROOT, app)], env);
  }

  pull() {
    ip('link', 'set', this.name, 'down');
  }

  plug() {
    ip('link', 'set', this.name, 'up');
  }

  /** Of what comes in, by chance. @param share 0 to 1; 0: nothing any more */
  lose(share) {
    this.run('iptables', '-F', 'INPUT');
    if (share > 0) this.run('iptables', '-A', 'INPUT', '-i', 'eth0', '-m', 'statistic', '--mode', 'random', '--probability', String(share), '-j', 'DROP');
  }

  /** How many packets that have been so far. */
  lost() {
    return Number(/^ *(\d+) .*DROP/m.exec(this.run('iptables', '-nvxL', 'INPUT'))?.[1] ?? 0);
  }
}

/** How many processes carry the mark of a run, wherever they are. */
export function processesOf(runId) {
  const isOfRun = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`ORBITMESH_RUN_ID=${runId}\0`);
    } catch {
      return false; // It has ended, or is no process.
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOfRun(name)).length;
}

/** A line at the switch whose two directions take their time, which the kernel does only where it has netem. */
export async function slowLine(to, port) {
  const line = { url: `tls://${SWITCH}:${port}`, thereMs: 0, backMs: 0 };
  const carry = (from, into, delayOf) => {
    from.on('data', (bytes) => setTimeout(() => into.write(bytes), delayOf()));
    from.on('close', () => into.destroy());
    from.on('error', () => into.destroy());
  };
  const server = createServer((near) => {
    const far = connect(port, to);
    carry(near, far, () => line.thereMs);
    carry(far, near, () => line.backMs);
  }).listen(port, SWITCH);
  await once(server, 'listening');
  return line;
}
