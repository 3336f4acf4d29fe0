import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestHome } from '../testing/test-home.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const session = (id: string, state: string, more: object = {}) => ({ id, state, activity: 'idle', name: `the ${id}`, waiting: null, outcome: null, desired: { state: 'running' }, ...more });

describe('stop, kill and input', () => {
  it.each(['stop', 'kill'])('%s records what is wanted, and says so', async (action) => {
    home.api.on(`POST /api/sessions/s1/${action}`, [202, session('s1', 'running', { desired: { state: `${action}ped` } })], [202, session('s1', 'stopped', { outcome: { code: 'finished' } })]);

    expect(await home.cli([action, 's1', '--reason', 'enough'])).toEqual({ code: 0, out: `s1: running, to be ${action}ped\n`, err: '' });
    expect(await home.cli([action, 's1'])).toMatchObject({ out: 's1: stopped (finished)\n' });
    expect(home.api.sent.map((one) => one.body)).toEqual([{ reason: 'enough' }, {}]);
  });

  it('input is said to the session', async () => {
    home.api.on('POST /api/sessions/s1/input', [202, session('s1', 'running')]);

    expect(JSON.parse((await home.cli(['input', 's1', 'go on', '--json'])).out)).toMatchObject({ id: 's1' });
    expect(home.api.sent[0].body).toEqual({ text: 'go on' });
  });
});

describe('sessions', () => {
  it('lists who has not ended, on every page', async () => {
    home.api.on('GET /api/sessions?projectId=proj_1&status=spawning&limit=200', [200, { items: [session('s3', 'created', { waiting: { reason: 'no runner' } })], nextCursor: null }])
      .on('GET /api/sessions?projectId=proj_1&status=working&limit=200', [200, { items: [session('s1', 'running')], nextCursor: 's1' }])
      .on('GET /api/sessions?projectId=proj_1&status=working&cursor=s1&limit=200', [200, { items: [session('s2', 'paused')], nextCursor: null }]);

    expect((await home.cli(['sessions', '-p', 'proj_1'])).out).toBe([
      'SESSION  STATE    ACTIVITY  NAME', 's3       created  waiting   the s3 (no runner)', 's1       running  idle      the s1', 's2       paused   idle      the s2', ''].join('\n'));
  });

  it('lists all, with how they ended', async () => {
    home.api.on('GET /api/sessions?limit=200', [200, { items: [session('s1', 'stopped', { outcome: { code: 'killed' } })], nextCursor: null }]);

    expect((await home.cli(['sessions', '--all'])).out).toContain('s1       stopped  killed    the s1');
    expect(JSON.parse((await home.cli(['sessions', '--all', '--json'])).out)).toMatchObject({ id: 's1' });
  });
});

describe('what it is called', () => {
  it.each([[{ ORBITMESH_CLI_NAME: './orbitmesh' }, './orbitmesh'], [{}, 'orbitmesh']])('%j', async (env, name) => {
    expect((await home.cli(['--help'], { env })).out).toContain(`Usage: ${name} [options]`);
    expect(await home.cli(['--version'], { env })).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('is the one in its PATH for an agent', async () => {
    expect((await home.cli(['--help'], { env: { ORBITMESH_SESSION_ID: 's', ORBITMESH_CLI_NAME: './orbitmesh' } })).out).toContain('Usage: orbitmesh ');
  });
});

describe("the checkout's script", () => {
  it('says what to do while something of it is missing, and then passes its own name on', async () => {
    const checkout = join(home.dir, 'a checkout');
    await mkdir(join(checkout, 'apps/cli/dist'), { recursive: true });
    await cp(fileURLToPath(new URL('../../../../orbitmesh', import.meta.url)), join(checkout, 'orbitmesh'));
    await writeFile(join(checkout, 'apps/cli/dist/main.js'), 'console.log(process.env.ORBITMESH_CLI_NAME, process.argv[2]);');
    const run = () => promisify(execFile)('./orbitmesh', ['x'], { cwd: checkout });

    await expect(run()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('run npm start first') });
    await mkdir(join(checkout, 'node_modules/commander'), { recursive: true });
    await mkdir(join(checkout, 'node_modules/@orbitmesh/api-client'), { recursive: true });
    expect((await run()).stdout).toBe('./orbitmesh x\n');
  });
});
