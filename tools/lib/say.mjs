import { homedir } from 'node:os';
import { join } from 'node:path';

/** One line for the person at the terminal: what it is about, then what happened. */
export function say(about, what) {
  write(`  ${about.padEnd(24)} ${what}\n`);
}

export function sayLines(text) {
  write(`${text}\n`);
}

/** A path as a person writes it. */
export function shortPath(path) {
  const home = homedir();
  return path === home || path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** The CLI of this checkout, for the commands that are proposed: of another home than the default one it has to be told. */
export function cliIn(home) {
  return `${ofHome(home)}./orbitmesh`;
}

/** What goes before a command that is about this home. */
export function ofHome(home) {
  return home === join(homedir(), '.orbitmesh') ? '' : `ORBITMESH_HOME=${shellWord(home)} `;
}

/** As a shell takes it for one word. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

export function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/** What went wrong, for a person: one sentence or a few lines, no stack. */
export class Refusal extends Error {}

/** The last resort of every command: one plain message and exit code 1; a stack only for what nobody expected. */
export function fail(error) {
  process.stderr.write(error instanceof Refusal ? `${error.message}\n` : `${error?.stack ?? error}\n`);
  process.exit(1);
}

// The terminal may be closed before us: then there is nobody to tell, and the work of stopping goes on.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

let write = (text) => { process.stdout.write(text); };

/** For a launcher that nobody sits before: what it says goes into a log with a bound. */
export function sayInto(log) {
  write = (text) => log.write(text);
}
