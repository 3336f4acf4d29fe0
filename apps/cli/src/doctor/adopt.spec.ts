import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestHome } from '../testing/test-home.js';

const TASK = 'session-service/tasks/proj_1/task_1.json';
const now = { id: 'task_1', projectId: 'proj_1', title: 'as the log has it', revision: 1 };
const EDITED = 'was edited by hand while nobody was there';

describe('doctor --adopt of a file that a start has put back', () => {
  let home: TestHome;
  const at = (...path: string[]): string => join(home.dir, ...path);
  beforeEach(async () => {
    home = await TestHome.make();
    home.api.on('GET /api/tasks/task_1', [200, now]).on('PATCH /api/tasks/task_1', [200, { ...now, revision: 2 }]);
    await mkdir(at(TASK, '..'), { recursive: true });
    await mkdir(at('session-service/quarantine'));
    await writeFile(at(TASK), JSON.stringify({ schemaVersion: 1, ...now }));
  });
  afterEach(() => home.remove());

  async function putAside(name: string, title: string, why: object): Promise<void> {
    await writeFile(at('session-service/quarantine', name), JSON.stringify({ schemaVersion: 1, ...now, title }));
    await writeFile(at('session-service/quarantine', `${name}.why.json`), JSON.stringify({ file: 'tasks/proj_1/task_1.json', reason: EDITED, ...why }));
  }

  it('takes in the newest edit of it, from quarantine, and says so', async () => {
    await putAside('a', 'newest', { at: '2026-01-02T00:00:00.000Z' });
    await putAside('b', 'older', { at: '2026-01-01T00:00:00.000Z' });
    await putAside('c', 'damaged', { at: '2026-01-03T00:00:00.000Z', reason: 'is empty' });
    await putAside('d', 'of another', { at: '2026-01-03T00:00:00.000Z', file: 'tasks/proj_1/task_2.json' });

    expect(await home.cli(['doctor', '--adopt', TASK])).toEqual({
      code: 0, out: 'task_1: title taken in, as revision 2\n', err: `A start has put your edit of ${TASK} aside, as session-service/quarantine/a: that is taken in.\n`,
    });
    expect(home.api.sent.at(-1)).toMatchObject({ method: 'PATCH', body: { title: 'newest' } });
    expect((await readdir(at('session-service/quarantine'))).filter((name) => name.startsWith('a'))).toEqual([]);
  });

  it('says that there is none', async () => {
    expect(await home.cli(['doctor', '--adopt', TASK])).toMatchObject({ code: 4, err: `orbitmesh: There is nothing in ${TASK} to take in, and no edit of it in quarantine.\n` });
  });
});
