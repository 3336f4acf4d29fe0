import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildManifest, type Manifest } from '@orbitmesh/domain';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anything, MANIFEST_INPUT } from '../testing/any-answer.js';
import { TestHome } from '../testing/test-home.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const built = buildManifest(MANIFEST_INPUT);
const cli = (args: string[], stdin?: string) => home.cli(args, { cwd: home.dir, stdin });

describe('manifest generate', () => {
  const session = (hash: string) => home.api.on('GET /api/sessions/sess_1', [200, { id: 'sess_1', manifestHash: hash }]).on('GET /api/sessions/sess_1/manifest/input', [200, MANIFEST_INPUT]);

  it('prints the very bytes a session was started with, and the hash beside them', async () => {
    session(built.hash);

    expect(await cli(['manifest', 'generate', '--session', 'sess_1'])).toEqual({ code: 0, out: built.json, err: `sha256 ${built.hash}\n` });
  });

  it('writes them into a file that only its owner reads, and prints the hash', async () => {
    session(built.hash);

    expect(await cli(['manifest', 'generate', '--session', 'sess_1', '--out', 'm.json'])).toEqual({ code: 0, out: `${built.hash}\n`, err: '' });
    const file = join(home.dir, 'm.json');
    expect(createHash('sha256').update(await readFile(file)).digest('hex')).toBe(built.hash);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('writes no file for an agent, whom nobody asks before it runs this', async () => {
    session(built.hash);

    const env = { ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_TOKEN: 't', ORBITMESH_API_URL: home.api.url };
    expect(await home.cli(['manifest', 'generate', '--session', 'sess_1', '--out', 'm.json'], { cwd: home.dir, env })).toMatchObject({ code: 6, out: '' });
    await expect(stat(join(home.dir, 'm.json'))).rejects.toThrow('ENOENT');
  });

  it('comes to 1 when it is not what the session was started with, and writes nothing', async () => {
    session('0'.repeat(64));

    const ran = await cli(['manifest', 'generate', '--session', 'sess_1', '--out', 'm.json']);

    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`session sess_1 was started with ${'0'.repeat(64)}`) });
    await expect(stat(join(home.dir, 'm.json'))).rejects.toThrow('ENOENT');
  });

  it('previews a spawn by the rule of a spawn: what is said over the member over the project', async () => {
    const member = { ...anything('tm_1'), name: 'Ada', role: 'dev', identity: 'Strict.', provider: 'claude', model: 'large', permissionMode: 'deny', skills: ['ts'], memory: [] };
    home.api.on('GET /api/projects/proj_1', [200, { ...anything('proj_1'), name: 'Rocket', workingDir: '/rocket' }]).on('GET /api/team-members/tm_1', [200, member])
      .on('GET /api/tasks/task_1', [200, { ...anything('task_1'), title: 'Seal it' }]).on('GET /api/sessions/sess_0', [200, { ...anything('sess_0'), name: 'Boss' }]);

    const ran = await cli(['manifest', 'generate', '-t', 'task_1', '--member', 'tm_1', '--parent', 'sess_0', '--model', 'small', '--directive', 'Go.', '-e', 'A=1', '--json']);
    const { hash, bytes, file, manifest } = JSON.parse(ran.out) as { hash: string; bytes: number; file: null; manifest: Manifest };

    expect(manifest).toMatchObject({
      sessionId: 'sess_preview', projectId: 'proj_1', workingDir: '/rocket', tasks: [{ id: 'task_1', title: 'Seal it' }], teamMember: { id: 'tm_1', name: 'Ada' }, parent: { sessionId: 'sess_0', name: 'Boss' },
      provider: { type: 'claude', model: 'small', permissionMode: 'deny' }, environment: { A: '1' }, initialDirective: 'Go.',
    });
    const json = `${JSON.stringify(manifest, null, 2)}\n`;
    expect({ hash, bytes, file }).toEqual({ hash: createHash('sha256').update(json).digest('hex'), bytes: Buffer.byteLength(json), file: null });
  });

  it('does not mix projects', async () => {
    home.api.on('GET /api/tasks/task_1', [200, { id: 'task_1', projectId: 'proj_2' }]);

    expect((await cli(['manifest', 'generate', '-t', 'task_1', '-p', 'proj_1'])).code).toBe(6);
  });

  it.each([['what no manifest can be made of', { x: 2 }], ["another session's", { ...MANIFEST_INPUT, sessionId: 'sess_2' }]])('says of %s that it is damaged, and who tells more', async (_what, input) => {
    home.api.on('GET /api/sessions/sess_1', [200, { id: 'sess_1', manifestHash: 'h' }]).on('GET /api/sessions/sess_1/manifest/input', [200, input]);

    expect(await home.cli(['manifest', 'generate', '--session', 'sess_1'])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/sess_1 was started with is damaged\.[^]*orbitmesh doctor/) });
  });
});

describe('manifest validate', () => {
  it('takes what was generated, from a file or by a pipe', async () => {
    await writeFile(join(home.dir, 'm.json'), built.json);
    const said = `a valid Manifest 1.0 of sess_1, sha256 ${built.hash}\n`;

    expect(await cli(['manifest', 'validate', 'm.json'])).toEqual({ code: 0, out: said, err: '' });
    expect(await cli(['manifest', 'validate', '-'], built.json)).toEqual({ code: 0, out: said, err: '' });
    expect(home.api.sent).toEqual([]);
  });

  it('says of each thing that is wrong where it is: exit code 1', async () => {
    const wrong = JSON.stringify({ ...built.manifest, mode: 'fast', surprise: 1, tasks: [{ id: '../x' }] });

    const ran = await cli(['manifest', 'validate', '-', '--json'], wrong);

    expect(ran).toMatchObject({ code: 1, out: '' });
    const { error } = JSON.parse(ran.err) as { error: { code: string; errors: { pointer: string }[] } };
    expect(error.code).toBe('VALIDATION_FAILED');
    expect(error.errors.map(({ pointer }) => pointer)).toContain('/surprise');
    expect((await cli(['manifest', 'validate', '-'], wrong)).err).toMatch(/^orbitmesh: - is not a Manifest 1\.0\.\n {2}\/surprise: is not a known field\n/);
  });

  it('comes to 3 when there is no such file', async () => {
    expect((await cli(['manifest', 'validate', 'nowhere.json'])).code).toBe(3);
  });
});
