import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from './say.mjs';
import { ROOT } from './set-up.mjs';

/** What the last run of each real agent came to: `{name: {version, trials: {what: {ok, detail}}}}`. */
const RESULTS = join(ROOT, 'docs', 'agents.json');
const PAGE = join(ROOT, 'docs', 'agents.md');
/** Without these three a run has proved nothing. */
export const REQUIRED = ['claude-code', 'codex', 'gemini'];

/** @returns {Promise<string[]>} those that are to run, by the words of the command line */
export async function namesOf(args) {
  const { READY_MADE_PROVIDERS } = await import(join(ROOT, 'libs', 'domain', 'dist', 'index.js'));
  const all = READY_MADE_PROVIDERS.map(({ name }) => name);
  if (args.length === 0) return REQUIRED;
  if (args.includes('--all')) return all;
  const unknown = args.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Refusal(`There is no agent ${unknown.join(', ')}; there are ${all.join(', ')}, and --all.`);
  return args;
}

/** @returns {string[]} why a run is no success: an agent that did not run, or did not do all */
export function failuresOf(results, names) {
  return names.flatMap((name) => {
    const trials = Object.entries(results[name]?.trials ?? {});
    if (!results[name]?.version || trials.length === 0) return [`${name} did not run`];
    return trials.filter(([, { ok }]) => !ok).map(([what, { detail }]) => `${name}: ${what}: ${detail}`);
  });
}

/** Those that ran replace what was known of them. */
export async function keepResults(results) {
  const ran = Object.fromEntries(Object.entries(results).filter(([, { trials }]) => Object.keys(trials).length > 0).map(([name, { version, trials }]) => [name, { version, trials }]));
  if (Object.keys(ran).length === 0) return;
  writeFileSync(RESULTS, `${JSON.stringify(inOrder({ ...read(), ...ran }), null, 2)}\n`);
  writeFileSync(PAGE, renderAgents());
}

/** `docs/agents.md`. */
export function renderAgents() {
  return `# What was seen of each agent

Generated from what \`npm run test:agents\` saw (docs/agents.json); do not edit. One script starts a session on each of these programs, as npm has them, by \`POST /api/sessions/spawn\` alone, in a real git repository; only the model behind them is scripted. A time is what the step took beside other work on two cores: from an interrupt to an agent that takes input again, from a spawn to a session that ended with the reason.

${tableOf(read())}

- **asks, edits, reports, completes**: it asks for permission, changes a file, calls \`report_progress\` and \`report_completed\` of our MCP server (or reports by \`orbitmesh report\` in its shell, where it says so), and the session is \`completed\`, with its tokens.
- **permission denied**: the file is as it was, the session goes on, and the reason reaches the model.
- **interrupt mid-tool**: while a command runs; the agent is idle then, and takes the next input.
- **SIGKILL mid-tool, continue**: the agent's process is killed while a command runs; nothing of it is left, and the session that continues it knows what was said before.
- **hostile repository**: one with programs planted for git and for every agent, in which it looks around and commits; which of these ran where the project does not trust it, and whose did where it does (ADR-0032).
- **429, 401 from the model**: the session ends as \`rate_limit\` and as \`auth_required\`, never as a success.
`;
}

/** A row an agent, a column a trial. */
export function tableOf(results) {
  const names = Object.keys(results);
  const trials = [...new Set(names.flatMap((name) => Object.keys(results[name].trials)))];
  const cell = (trial) => (trial === undefined ? '–' : trial.ok ? `yes${trial.detail ? ` (${trial.detail.replaceAll('|', '/')})` : ''}` : 'NO');
  const rows = names.map((name) => [`${name} ${(results[name].version ?? '').replace(/^\D+/, '').replace(/\D+$/, '')}`.trim(), ...trials.map((what) => cell(results[name].trials[what]))]);
  return [['agent', ...trials], ['agent', ...trials].map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function read() {
  try {
    return JSON.parse(readFileSync(RESULTS, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

/** As they are shown everywhere else: the required ones first. */
function inOrder(results) {
  const rank = (name) => (REQUIRED.includes(name) ? REQUIRED.indexOf(name) : REQUIRED.length);
  return Object.fromEntries(Object.entries(results).sort(([a], [b]) => rank(a) - rank(b)));
}
