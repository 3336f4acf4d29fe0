import { appendFile, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditFiles, type Place } from './audit-files.js';

let dir: string;
beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'om-audit-')); });
afterEach(() => rm(dir, { recursive: true, force: true }));

const read = async (files: AuditFiles, before?: Place): Promise<string[]> => {
  const lines: string[] = [];
  for await (const { line } of files.newestFirst(before)) lines.push(line);
  return lines;
};
const placeOf = async (files: AuditFiles, wanted: string): Promise<Place> => {
  for await (const { line, place } of files.newestFirst()) if (line === wanted) return place;
  throw new Error(`${wanted} is not there.`);
};

describe('the files of the audit log', () => {
  it('are closed to others, and read from the newest line to the oldest, over a restart', async () => {
    const files = new AuditFiles(join(dir, 'audit'));
    expect(await read(files)).toEqual([]);
    await files.append(['1', '2']);
    await files.close();
    const again = new AuditFiles(join(dir, 'audit'));
    await again.append(['3']);

    expect(await read(again)).toEqual(['3', '2', '1']);
    expect([(await stat(join(dir, 'audit'))).mode & 0o777, (await stat(join(dir, 'audit', 'audit-000001.ndjson'))).mode & 0o777]).toEqual([0o700, 0o600]);
    await again.close();
  });

  it('begin anew when one is full, and drop the oldest', async () => {
    const files = new AuditFiles(dir, 10, 2);
    for (const line of ['first-line', 'second-line', 'third-line', 'last-line']) await files.append([line]);

    expect((await readdir(dir)).sort()).toEqual(['audit-000003.ndjson', 'audit-000004.ndjson']);
    expect(await read(files)).toEqual(['last-line', 'third-line']);
    await files.close();
  });

  it('of two gateways are the same', async () => {
    const [one, other] = [new AuditFiles(dir, 12, 9), new AuditFiles(dir, 12, 9)];
    for (let n = 0; n < 10; n += 2) {
      await one.append([`line-${n}`]);
      await other.append([`line-${n + 1}`]);
    }

    expect(await read(one)).toEqual(Array.from({ length: 10 }, (_, n) => `line-${9 - n}`));
    await Promise.all([one.close(), other.close()]);
  });

  it('go on from a place, whatever has come since', async () => {
    const files = new AuditFiles(dir, 10, 9);
    await files.append(['a', 'b', 'c']);
    await files.append(['d-and-more']);
    const place = await placeOf(files, 'c');
    await files.append(['e']);

    expect(await read(files, place)).toEqual(['b', 'a']);
    await files.close();
  });

  it('do not join what comes to a line that a crash has cut', async () => {
    const files = new AuditFiles(dir);
    await files.append(['whole']);
    await files.close();
    await appendFile(join(dir, 'audit-000001.ndjson'), '{"cu');
    await files.append(['after']);

    expect(await read(files)).toEqual(['after', '{"cu', 'whole']);
    await files.close();
  });

  it('are not written through a link', async () => {
    await writeFile(join(dir, 'elsewhere'), '');
    await symlink(join(dir, 'elsewhere'), join(dir, 'audit-000001.ndjson'));

    await expect(new AuditFiles(dir).append(['1'])).rejects.toMatchObject({ code: 'ELOOP' });
  });
});
