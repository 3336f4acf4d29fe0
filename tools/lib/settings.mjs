import { createServer, isIPv4 } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { readIfThere, replaceFile } from './files.mjs';
import { Refusal } from './say.mjs';

const PORT_DEFAULT = 4750;

/**
 * @typedef {object} Settings
 * @property {string} home absolute
 * @property {string} host what the gateway listens on
 * @property {number} port 0: any free one, and the same one again at the next start
 * @property {string | null} natsUrl null: OrbitMesh runs its own nats-server
 */

/** @returns {Settings} @throws Refusal naming the variable */
export function readSettings(env = process.env) {
  return {
    home: readHome(env.ORBITMESH_HOME),
    host: readHost(env),
    port: readPort(env.ORBITMESH_PORT),
    natsUrl: env.ORBITMESH_NATS_URL || null,
  };
}

function readHome(value) {
  if (!value) return join(homedir(), '.orbitmesh');
  if (!isAbsolute(value)) throw new Refusal(`ORBITMESH_HOME must be an absolute path; it is "${value}".`);
  return resolve(value);
}

/** The gateway would refuse as well; this is said before anything is started. */
function readHost({ ORBITMESH_HOST: host, ORBITMESH_ALLOW_REMOTE: allowed, ORBITMESH_ALLOWED_HOSTS: names }) {
  if (!host) return '127.0.0.1';
  if (isLoopback(host)) return host;
  if (allowed !== '1' && allowed !== 'true') {
    throw new Refusal(`ORBITMESH_HOST is "${host}": other machines could reach OrbitMesh, where whoever has a token runs commands as you.
If that is meant, set ORBITMESH_ALLOW_REMOTE=1, and ORBITMESH_ALLOWED_HOSTS to the names it is called by (mesh.example:4750); else leave ORBITMESH_HOST out.`);
  }
  if (!names) throw new Refusal('ORBITMESH_ALLOW_REMOTE needs ORBITMESH_ALLOWED_HOSTS: the names that OrbitMesh is called by, with "," between them, as mesh.example:4750.');
  return host;
}

/** Said at every start: whoever reads it later may be another than who set it up. null: only this machine reaches it. */
export function opennessOf({ host }) {
  if (isLoopback(host)) return null;
  return [`other machines can reach it, on ${host} (ORBITMESH_ALLOW_REMOTE): whoever has a token runs commands here as you.`,
    'It speaks plain HTTP, so a token can be read on its way unless a proxy with TLS stands before it.'];
}

/** Does only this machine reach what listens there? */
export function isLoopback(host) {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function readPort(value) {
  if (value === undefined || value === '') return PORT_DEFAULT;
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535) {
    throw new Refusal(`ORBITMESH_PORT must be a number from 0 (any free port) to 65535; it is "${value}".`);
  }
  return port;
}

/**
 * The port the gateway gets. 0 becomes the port of the last start of this home while it is free: agents that are
 * adopted again hold that URL.
 * @throws Refusal when a port that was asked for is taken
 */
export async function choosePort({ host, port }, rememberedIn) {
  if (port !== 0) {
    if (await isFree(host, port)) return port;
    throw new Refusal(`Port ${port} on ${host} is taken by another program. Free it, or set ORBITMESH_PORT to another one (0 takes any).`);
  }
  return chooseAnyPort(host, rememberedIn);
}

/** Any free port, the same as last time where that is free. */
export async function chooseAnyPort(host, rememberedIn) {
  const remembered = Number(readIfThere(rememberedIn));
  if (Number.isInteger(remembered) && remembered > 0 && remembered <= 65_535 && (await isFree(host, remembered))) return remembered;
  const chosen = await listenOnce(host, 0);
  replaceFile(rememberedIn, `${chosen}\n`);
  return chosen;
}

async function isFree(host, port) {
  try {
    await listenOnce(host, port);
    return true;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw new Refusal(`Cannot listen on ${host} port ${port}: ${error.message}`);
  }
}

function listenOnce(host, port) {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: given } = server.address();
      server.close(() => done(given));
    });
  });
}
