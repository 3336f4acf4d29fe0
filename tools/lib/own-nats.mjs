import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { replaceFile } from './files.mjs';
import { NATS_PROBE_MS, NATS_PROBE_TIMEOUT_MS } from './limits.mjs';
import { keepNatsPasswords, NATS_USERS } from './nats-passwords.mjs';
import { chooseAnyPort } from './settings.mjs';

const HOST = '127.0.0.1';

/**
 * What a home's own nats-server runs with: loopback, a user for each service with a password made once, all kept, so that
 * a restart is the same server to everybody. Passwords stand in 0600 files only, never on a command line or in an environment.
 * @returns {Promise<{ port: number, url: string, passwords: string, configFile: string }>} passwords: the directory
 */
export async function prepareNats(runDir) {
  const port = await chooseAnyPort(HOST, join(runDir, 'nats.port'));
  const passwords = join(runDir, 'nats');
  keepNatsPasswords(passwords);
  // The one password of all services, of earlier versions.
  rmSync(join(runDir, 'nats.password'), { force: true });
  const configFile = join(runDir, 'nats.conf');
  replaceFile(configFile, ['# Written at every start of OrbitMesh.', `host: "${HOST}"`, `port: ${port}`, 'max_payload: 1MB', NATS_USERS].join('\n'));
  return { port, url: `nats://${HOST}:${port}`, passwords, configFile };
}

/** It says of which home it is, as every service does, and is told nothing else of its user's environment. */
export function launchNats(binary, configFile, home) {
  return spawn(binary, ['-c', configFile], { env: { ORBITMESH_HOME: home }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Ready as soon as the server greets on its port. */
export function watchNats(port) {
  return (child, tell) => {
    const probe = async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      if (await greets(port)) tell.ready(true);
      else setTimeout(probe, NATS_PROBE_MS);
    };
    void probe();
  };
}

function greets(port) {
  return new Promise((done) => {
    const socket = connect({ host: HOST, port, timeout: NATS_PROBE_TIMEOUT_MS });
    const end = (answer) => {
      socket.destroy();
      done(answer);
    };
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('INFO ')));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('close', () => end(false));
  });
}
