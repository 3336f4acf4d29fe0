import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { buildManifest } from '@orbitmesh/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { launcherTools } from './checkout.js';
import { programOf } from './cli.js';
import { printsOf } from './site.js';
import { answerAll, MANIFEST_INPUT } from './testing/any-answer.js';
import { TestHome, type Ran } from './testing/test-home.js';

/** Every command that does something, with the words that name it. A new one is tested as soon as it is there. */
function leavesOf(command: Command, path: string[] = []): { path: string[]; command: Command }[] {
  const own = printsOf(command) === null ? [] : [{ path, command }];
  return [...own, ...command.commands.filter((one) => one.name() !== 'help').flatMap((one) => leavesOf(one, [...path, one.name()]))];
}
const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
// `mcp` speaks a protocol of its own, as long as its stdin is open: mcp.int.spec.ts. Two look at what is in a real home: doctor.int.spec.ts.
const ELSEWHERE = ['mcp', 'doctor', 'backup'];
const leaves = leavesOf(programOf({ env: {}, cwd: '/', ...streams, signal: new AbortController().signal, interrupt: () => undefined }, false, { exitCode: 0 })).filter(({ path }) => !ELSEWHERE.includes(path[0]));
const named = leaves.map(({ path, command }): [string, Command] => [path.join(' '), command]);

/** What a command needs beside its arguments, where that is not what the environment says. */
const NEEDS: Readonly<Record<string, string[]>> = {
  'project update': ['--name', 'n'], 'task update': ['--title', 't'], 'task move': ['--parent', 'none'], 'team-member update': ['--name', 'n'], 'webhook update': ['--name', 'n'],
  'ordering move': ['--before', 'x'], 'mail send': ['--to', 'sess_1'], 'manifest generate': ['--session', 'sess_1'],
  'task report': ['--session', 'sess_1'], 'session report': ['--session', 'sess_1'], report: ['--session', 'sess_1'],
  'provider add': ['--command', process.execPath, '--secret', 'ANTHROPIC_API_KEY=file:/key', '--force'],
};
const SAMPLES: Readonly<Record<string, string>> = {
  session: 'sess_1', project: 'proj_1', task: 'task_1', member: 'tm_1', mail: 'mail_1', thread: 'mail_1', notification: 'ntf_1', webhook: 'whk_1', token: 'tok_1', delivery: 'dlv_1', approval: 'appr_1', url: 'https://example.org/', file: 'manifest.json',
};

let home: TestHome;
beforeAll(async () => { home = await TestHome.make(); });
beforeEach(() => home.api.forget());
afterAll(() => home.remove());

async function run(name: string, command: Command, ...more: string[]): Promise<Ran> {
  const args = command.registeredArguments.map((argument) => argument.argChoices?.[0] ?? SAMPLES[argument.name()] ?? 'x');
  return home.cli([...name.split(' '), ...args, ...NEEDS[name] ?? [], '--json', ...more], { cwd: home.dir, env: { ORBITMESH_PROJECT_ID: 'proj_1', ORBITMESH_TASK_IDS: 'task_1' } });
}

function documents(text: string): Record<string, unknown>[] {
  expect(text).toMatch(/^$|\n$/);
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
}

const ERROR_KEYS = ['code', 'detail', 'errors', 'exitCode', 'hint', 'message', 'problem', 'status', 'traceId'];
function errorOf({ code, out, err }: Ran): Record<string, unknown> {
  expect(out).toBe('');
  const said = documents(err);
  expect(said).toEqual([{ error: expect.objectContaining({ exitCode: code, message: expect.stringMatching(/./) }) }]);
  const error = said[0]['error'] as Record<string, unknown>;
  expect(Object.keys(error).sort()).toEqual(ERROR_KEYS);
  return error;
}

/** They talk to no server, or tell nobody that it failed. */
const ALONE = ['up', 'down', 'token', 'completion', '__complete', 'manifest validate', 'provider add', 'provider remove', 'provider detect'];

describe('with --json', () => {
  it('there are commands to test', () => {
    expect(named.length).toBeGreaterThan(75);
    for (const name of Object.keys(NEEDS)) expect(named.map(([path]) => path)).toContain(name);
  });

  it.each(named)('%s prints one document a line, and one document when it is about one thing', async (name, command) => {
    answerAll(home.api);
    await writeFile(join(home.dir, 'manifest.json'), buildManifest(MANIFEST_INPUT).json);
    await writeFile(join(home.dir, 'providers.json'), JSON.stringify({ x: { driver: 'process', command: ['/bin/true'] } }));
    const ran = name === 'up' ? await whileHeld(() => run(name, command)) : await run(name, command);

    expect({ ...ran, out: '' }).toEqual({ code: 0, out: '', err: '' });
    const printed = documents(ran.out);
    if (printsOf(command) === 'document') expect(printed).toHaveLength(1);
    else expect(printed.length).toBeGreaterThan(0);
    if (!ALONE.includes(name)) expect(home.api.sent.length).toBeGreaterThan(0);
  });

  it.each(named)('%s says a wrong option as one error on stderr', async (name, command) => {
    answerAll(home.api);

    const error = errorOf(await run(name, command, '--nonsense'));

    expect(error).toMatchObject({ code: 'USAGE', exitCode: 2, status: null, hint: `See: orbitmesh ${name} --help`, problem: null });
    expect(home.api.sent).toEqual([]);
  });

  it.each(named.filter(([name]) => !ALONE.includes(name)))('%s says what the server refuses as one error on stderr', async (name, command) => {
    const problem = { code: 'X_NOT_FOUND', title: 'There is no such x.', detail: 'There is no x.', status: 404, traceId: 'trace', errors: [{ in: 'body', pointer: '/x', detail: 'is missing' }] };
    home.api.otherwise = [404, problem];
    home.api.frames = [{ type: 'subscribed', resume: 'ok', cursor: 'l.2' }];

    const error = errorOf(await run(name, command));

    expect(error).toMatchObject({ code: 'X_NOT_FOUND', message: 'There is no x.', detail: 'There is no x.', status: 404, traceId: 'trace', errors: problem.errors, exitCode: 3, problem });
  });
});

/** This very process is then the launcher that holds the home. */
async function whileHeld<T>(action: () => Promise<T>): Promise<T> {
  const lock = (await launcherTools()).homeLock(home.dir) as unknown as { tryAcquire(): null; release(): void };
  lock.tryAcquire();
  try {
    return await action();
  } finally {
    lock.release();
  }
}
