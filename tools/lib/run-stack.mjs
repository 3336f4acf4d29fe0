import { READY_REMINDER_MS, SIGNAL_REPEAT_MS } from './limits.mjs';
import { Refusal, cliIn, fail, ofHome, say, sayLines, shortPath } from './say.mjs';
import { opennessOf, readSettings } from './settings.mjs';
import { Stack } from './stack.mjs';

/**
 * The life of a launcher: opens the home, gets what is needed, starts, waits for a signal, stops. Ends the process.
 * @param {object} options
 * @param {string} options.root the checkout
 * @param {(settings: import('./settings.mjs').Settings) => Promise<{ natsServer: string | null }>} options.prepare
 * @param {boolean} options.keepAgents leave the agents to be adopted by the next start
 */
export async function runStack({ root, prepare, keepAgents }) {
  try {
    const settings = readSettings();
    const stack = new Stack({ root, settings, say });
    await stack.open();
    stopOnSignal(stack, keepAgents);
    // For a program that started us: from now on run/stack.json is ours, and no longer that of a launcher that was killed.
    process.send?.({ type: 'opened' });
    try {
      const { natsServer } = await prepare(settings);
      await startAndTell(stack, natsServer, settings);
    } catch (error) {
      await stack.stop();
      throw error;
    }
  } catch (error) {
    fail(error);
  }
}

async function startAndTell(stack, natsServer, settings) {
  const reminder = setInterval(() => say('still waiting for', stack.missing.join(', ')), READY_REMINDER_MS);
  try {
    await stack.start(natsServer);
  } finally {
    clearInterval(reminder);
  }
  const [demo, status] = sameWidth(`${ofHome(stack.home)}npm run demo`, `${cliIn(stack.home)} status`);
  sayLines(`
OrbitMesh is ready at ${stack.url}
  admin token   ${shortPath(stack.tokenFile)}
  logs          ${shortPath(stack.logFile('*'))}
  try           ${demo}   in another terminal: an agent at work, from task to report
                ${status}   what is running
  stop          Ctrl-C               ends the agents too; npm start -- --keep-agents leaves them
${warningOf(opennessOf(settings))}`);
}

function warningOf(openness) {
  return openness === null ? '' : `\n  OPEN          ${openness.join(`\n${' '.repeat(16)}`)}\n`;
}

function sameWidth(...texts) {
  const width = Math.max(...texts.map(({ length }) => length));
  return texts.map((text) => text.padEnd(width));
}

function stopOnSignal(stack, keepAgents) {
  let stoppingSince = null;
  const stop = (keep) => {
    if (stoppingSince !== null) {
      if (performance.now() - stoppingSince < SIGNAL_REPEAT_MS) return;
      sayLines('Stopping at once.');
      stack.forceStop();
      process.exit(1);
    }
    stoppingSince = performance.now();
    sayLines(`\nStopping${keep ? '; agents go on without us' : ''} (Ctrl-C once more: at once) …`);
    stack.stop({ keepAgents: keep }).then((clean) => {
      sayLines('Stopped.');
      process.exit(clean ? 0 : 1);
    }, fail);
  };
  stack.onLost = () => {
    if (stoppingSince === null) stop(keepAgents);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stop(keepAgents));
  // `orbitmesh down --keep-agents`, however we were started.
  process.on('SIGUSR2', () => stop(true));
  // Started by a test or another program: its end is ours.
  process.on('disconnect', () => stop(keepAgents));
}

/**
 * @returns {{ keepAgents: boolean, log: string | null }} log: the file for what is said, for a start that nobody watches
 * @throws Refusal on anything else
 */
export function readArguments(args) {
  const log = args.find((arg) => arg.startsWith('--log='))?.slice('--log='.length) ?? null;
  const unknown = args.filter((arg) => arg !== '--keep-agents' && !arg.startsWith('--log='));
  if (unknown.length > 0) throw new Refusal(`Unknown argument ${unknown[0]}; npm start -- [--keep-agents]`);
  return { keepAgents: args.includes('--keep-agents'), log };
}
