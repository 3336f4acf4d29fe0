import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, isId } from '@orbitmesh/domain';
import { isOtherFile, nodeFs } from '@orbitmesh/storage';
import { INSTALLATION_BYTES_MAX } from './limits.js';

/** Who this home is, on a NATS that others may share; in every subject and every cursor (design §2). */
export class Installation {
  constructor(readonly installationId: string, readonly createdAt: string) {}
}

/**
 * Reads `$ORBITMESH_HOME/installation.json`, or makes it; of several processes that come first together one makes it and all read the same.
 * @param place which directory the home has to be; without it any, and it is made where there is none
 * @param id the identity it has to have, and gets where it has none
 * @throws CONFIG_INVALID when the file is damaged: a new id would orphan every cursor and run, so none is made up; when it is another one than asked for; where that
 * directory is not the home any more; and where everybody may write into it.
 */
export async function loadInstallation(home: string, { place, id }: { place?: string; id?: string } = {}): Promise<Installation> {
  const found = place && nodeFs.identitySync!(home);
  if (place && (found === undefined || isOtherFile(place, found))) throw new AppError('CONFIG_INVALID', `${home} is not the directory any more that was started: it was moved or removed.`);
  await mkdir(home, { recursive: true, mode: 0o700 });
  // Whoever can write there can put other files in the place of ours.
  if ((await stat(home)).mode & 0o002) throw new AppError('CONFIG_INVALID', `Everybody may write into the home ${home}: close it (chmod 700), or name another directory as ORBITMESH_HOME.`);
  const file = join(home, 'installation.json');
  const there = await readInstallation(file);
  // Another process may have made it a moment ago: what this one writes in its name must not outlive it in a power cut.
  if (there) await syncDirectory(home);
  const installation = there ?? await createInstallation(file, id);
  if (id !== undefined && installation.installationId !== id) throw new AppError('CONFIG_INVALID', `${home} is of the installation ${installation.installationId}, ORBITMESH_INSTALLATION_ID says ${id}: name a home of its own as ORBITMESH_HOME.`);
  return installation;
}

async function createInstallation(file: string, id = `in_${randomBytes(8).toString('hex').slice(0, 10)}`): Promise<Installation> {
  const made = { installationId: id, createdAt: new Date().toISOString() };
  const temp = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const handle = await open(temp, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(made, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // link, not rename: it fails when the file is there, so the first one stays the only one, and it appears complete.
    await link(temp, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(temp);
  }
  await syncDirectory(dirname(file));
  const installation = await readInstallation(file);
  if (!installation) throw new AppError('CONFIG_INVALID', `${file} vanished while it was being made.`);
  return installation;
}

async function readInstallation(file: string): Promise<Installation | null> {
  let text: string;
  try {
    if ((await stat(file)).size > INSTALLATION_BYTES_MAX) throw new AppError('CONFIG_INVALID', `${file} is not an installation file.`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const doc = parse(text);
  if (!isId(doc?.installationId) || typeof doc.createdAt !== 'string') {
    throw new AppError('CONFIG_INVALID', `${file} is damaged; restore it from a backup (its installationId is the beginning of every cursor).`);
  }
  return new Installation(doc.installationId, doc.createdAt);
}

function parse(text: string): Partial<Installation> | null {
  try {
    return JSON.parse(text) as Partial<Installation> | null;
  } catch {
    return null; // Reported by the caller as a damaged file.
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
