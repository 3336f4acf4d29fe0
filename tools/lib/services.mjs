import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { entryOf } from './bundle.mjs';
import { STOP_RECORD_MS, STOP_RUNNER_MS, STOP_SERVICE_MS } from './limits.mjs';

/** The one that has agents. Also the directory of its runs in a home. */
export const RUNNER = 'provider-runner/slot-0';

/**
 * The services, in the order in which they are stopped (design §10): agents first, so that their ends are still
 * recorded; the record last.
 */
export const SERVICES = [
  { name: RUNNER, app: 'provider-runner', stopMs: STOP_RUNNER_MS },
  { name: 'notifier', app: 'notifier', stopMs: STOP_SERVICE_MS },
  { name: 'api-gateway', app: 'api-gateway', stopMs: STOP_SERVICE_MS },
  // Durable work runs on libuv's threads: four of them would queue behind one slow fsync.
  { name: 'session-service', app: 'session-service', stopMs: STOP_RECORD_MS, env: { UV_THREADPOOL_SIZE: '16' } },
];

/** In its own process group: the terminal signals its whole group, and the order of stopping is ours. */
export function launchService(service, { root, shared, restarts = 0 }) {
  return spawn(process.execPath, [entryOf(root, service.app)], {
    cwd: root,
    env: { ...service.env, ...environmentFor(service, shared), ORBITMESH_RESTARTS: String(restarts), PATH: withoutNpm(shared.PATH) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** What Node and the system read; ours begin with ORBITMESH_. */
const PASSED_ON = /^(?:ORBITMESH_(?!TOKEN$)\w+|NODE_\w+|LC_\w+|HOME|LANG|LD_LIBRARY_PATH|LOGNAME|PATH|SSL_CERT_DIR|SSL_CERT_FILE|TMPDIR|TZ|USER)$/;

/** Keys stand in a user's environment, for agents: only the runner resolves what refers to them, so only it is given them. */
export function environmentFor({ app }, shared) {
  if (app === 'provider-runner') return shared;
  return Object.fromEntries(Object.entries(shared).filter(([key]) => PASSED_ON.test(key)));
}

/**
 * `npm start` puts its own directories in front: this checkout's tools, and those of every directory above it, which
 * anybody may be able to write. An agent gets its user's PATH.
 */
export function withoutNpm(path = '') {
  return path.split(delimiter).filter((dir) => !/[/\\]node_modules[/\\]\.bin$|[/\\]node-gyp-bin$/.test(dir)).join(delimiter);
}

/** What a service exits with when its configuration is wrong (libs/service-kit): starting it again cannot help. */
export const EXIT_CONFIG = 78;

/** `{type: 'ready'}` once it serves, `{type: 'state', ready}` whenever that changes, `{type: 'failed', message}` before it ends. */
export function watchService(child, tell) {
  child.on('message', (message) => {
    if (message?.type === 'ready') tell.ready(true);
    if (message?.type === 'state') tell.ready(message.ready === true);
    if (message?.type === 'failed') tell.failed(String(message.message));
  });
}

/** By message, which carries `keepAgents`; by signal when the channel is gone. */
export function askToStop(keepAgents) {
  return (child) => {
    const failed = (error) => { if (error) child.kill('SIGTERM'); };
    if (child.connected) child.send({ type: 'shutdown', keepAgents }, failed);
    else child.kill('SIGTERM');
  };
}
