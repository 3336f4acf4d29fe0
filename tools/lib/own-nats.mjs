import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { readIfThere, replaceFile } from './files.mjs';
import { NATS_PROBE_MS, NATS_PROBE_TIMEOUT_MS } from './limits.mjs';
import { chooseAnyPort } from './settings.mjs';

const HOST = '127.0.0.1';
const USER = 'orbitmesh';

/**
 * What a home's own nats-server runs with: loopback, a password made once, both kept, so that a restart is the same
 * server to everybody. The password stands in 0600 files only, never on a command line.
 * @returns {Promise<{ port: number, url: string, configFile: string }>}
 */
export async function prepareNats(runDir) {
  const port = await chooseAnyPort(HOST, join(runDir, 'nats.port'));
  const passwordFile = join(runDir, 'nats.password');
  let password = readIfThere(passwordFile)?.trim();
  if (!password) {
    password = randomBytes(24).toString('hex');
    replaceFile(passwordFile, `${password}\n`);
  }
  const configFile = join(runDir, 'nats.conf');
  replaceFile(configFile, [
    '# Written at every start of OrbitMesh.',
    `host: "${HOST}"`,
    `port: ${port}`,
    'max_payload: 1MB',
    `authorization { user: "${USER}", password: "${password}" }`,
    '',
  ].join('\n'));
  return { port, url: `nats://${USER}:${password}@${HOST}:${port}`, configFile };
}

/** It says of which home it is, as every service does. */
export function launchNats(binary, configFile, home) {
  return spawn(binary, ['-c', configFile], { env: { ...process.env, ORBITMESH_HOME: home }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
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
