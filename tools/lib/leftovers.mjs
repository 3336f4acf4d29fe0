import { join } from 'node:path';
import { LEFTOVER_GRACE_MS } from './limits.mjs';
import { placeOf } from './place.mjs';
import { isAlive, signal, variableOf } from './process-info.mjs';
import { readStack } from './stack-file.mjs';

/**
 * What a launcher of this home that was killed left at work: name → process, as in its `run/stack.json`.
 * Without those that say themselves to be of another home that is there.
 */
export function leftoversOf(home) {
  const here = placeOf(home);
  return Object.fromEntries(Object.entries(readStack(join(home, 'run'))?.services ?? {}).filter(([, one]) => isAlive(one) && [undefined, here].includes(homeOf(one))));
}

/** Undefined too where that is nowhere any more: it may be called otherwise by now. */
function homeOf({ pid }) {
  const named = variableOf(pid, 'ORBITMESH_HOME');
  return named && placeOf(named);
}

/** Services leave by themselves when their launcher dies; nats-server has no such channel. */
export async function endLeftovers(left) {
  for (const [name, { pid }] of Object.entries(left)) if (name === 'nats') signal(pid, 'SIGTERM');
  const deadline = performance.now() + LEFTOVER_GRACE_MS;
  for (const one of Object.values(left)) {
    while (isAlive(one) && performance.now() < deadline) await pause();
    if (isAlive(one)) signal(one.pid, 'SIGKILL');
    while (isAlive(one)) await pause();
  }
}

const pause = () => new Promise((done) => { setTimeout(done, 20); });
