import { join, relative } from 'node:path';
import { crc32 } from 'node:zlib';
import { QUARANTINE_NAME_BYTES_MAX, QUARANTINE_WHY_BYTES_MAX } from './limits.js';
import { writeFileAtomic } from './fs/write-file-atomic.js';
import { isMissing, isShortage, type StorageFs } from './fs/storage-fs.js';

/** A damage as health tells it. */
export interface Damage {
  /** Relative to the store. */
  file: string;
  reason: string;
  /** RFC 3339. */
  at: string;
}

/** It is not there, or something else has the place of its directory. */
const isOutOfReach = (error: unknown): boolean => isMissing(error) || ['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');

const WHY = '.why.json';

/** A file's path as one name, with room for what is put around it: a name has at most 255 bytes. */
function flat(file: string): string {
  const name = Buffer.from(file.replaceAll('/', '__'));
  return name.length <= QUARANTINE_NAME_BYTES_MAX ? name.toString() : `${crc32(name).toString(16)}_${name.toString('latin1').replaceAll(/[^ -~]/g, '-').slice(-QUARANTINE_NAME_BYTES_MAX)}`;
}

/**
 * Where damaged things go: the file itself (or the bytes of a record) and, beside it, why. Nothing is
 * ever deleted here; a person decides.
 */
export class Quarantine {
  private damages: Damage[] = [];
  private readonly dir: string;
  /** Under which names what is kept of a damage lies there. Without one, nothing is kept of it. */
  private readonly namesOf = new Map<Damage, string[]>();
  /** Of everything that lies there. */
  private readonly names = new Set<string>();
  /** Of the damages that are not reported one by one: of which something was kept, and the others. */
  private readonly unreported = { kept: 0, noted: 0 };
  private found = 0;

  /** @param tell called for what is found now, and not for what lay here before; see `StoreOptions.onDamage` */
  constructor(
    private readonly fs: StorageFs,
    private readonly root: string,
    private readonly reportedMax: number,
    private readonly tell: (damage: Damage, unsaid: number) => void = () => undefined,
  ) {
    this.dir = join(root, 'quarantine');
  }

  /** What was found now and before, newest last, without what somebody has taken away from here since. */
  report(): Damage[] {
    this.forgetTaken();
    return [...this.damages];
  }

  /** How many there are, with those that are not reported one by one. */
  get count(): number {
    this.forgetTaken();
    return this.damages.length + this.unreported.kept + this.unreported.noted;
  }

  /** Reads what earlier starts put here. */
  load(): void {
    for (const { name } of this.fs.readDirSync(this.dir)) {
      this.names.add(name);
      if (!name.endsWith(WHY)) continue;
      this.push(this.explanation(name) ?? { file: `quarantine/${name}`, reason: 'unreadable', at: new Date().toISOString() }, name);
    }
  }

  /** What is kept here, by its name here, and why. */
  kept(): Map<string, Damage> {
    const names = this.fs.readDirSync(this.dir).map(({ name }) => name).filter((name) => name.endsWith(WHY));
    return new Map(names.flatMap((name) => {
      const why = this.explanation(name);
      return why === undefined ? [] : [[name.slice(0, -WHY.length), why]];
    }));
  }

  /** Reports a damage of something that stays where it is; the same one only once. */
  note(path: string, reason: string): Damage {
    const file = path.startsWith(this.root) ? relative(this.root, path) : path;
    const known = this.damages.find((damage) => damage.file === file && damage.reason === reason);
    if (known !== undefined) return known;
    const damage = { file, reason, at: new Date().toISOString() };
    this.push(damage);
    this.found += 1;
    // Past the bound only now and then, so that what is told stays little and the number is right to a factor of two.
    const unsaid = Math.max(0, this.found - this.reportedMax);
    if ((unsaid & (unsaid - 1)) === 0) this.tell(damage, unsaid);
    return damage;
  }

  /** Moves a file here. */
  async take(path: string, reason: string): Promise<void> {
    const name = await this.announce(path, reason);
    this.names.add(name);
    try {
      await this.fs.rename(path, join(this.dir, name));
      await this.fs.syncDir(this.dir);
      await this.fs.syncDir(join(path, '..'));
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
    }
  }

  /** Keeps a copy of a file that is about to be replaced. */
  async keep(path: string, reason: string): Promise<void> {
    const name = await this.announce(path, reason);
    await writeFileAtomic(join(this.dir, name), this.fs.readSync(path), { fs: this.fs });
    this.names.add(name);
  }

  /** Keeps a copy of damaged bytes of a file that stays; the same ones a second time (the next boot) change nothing. */
  async copy(file: string, offset: number, bytes: Buffer, reason: string): Promise<void> {
    const name = `${flat(file)}_${offset}_${crc32(bytes).toString(16)}`;
    if (this.names.has(name)) return;
    await this.ensure();
    await this.explain(name, this.note(file, reason));
    await writeFileAtomic(join(this.dir, name), bytes, { fs: this.fs });
    this.names.add(name);
  }

  /** Says why something comes here, and under which name, before it does. */
  private async announce(path: string, reason: string): Promise<string> {
    const damage = this.note(path, reason);
    const name = this.unused(`${damage.at.replaceAll(/[:.]/g, '-')}_${flat(damage.file)}`);
    await this.ensure();
    await this.explain(name, damage);
    return name;
  }

  private explanation(name: string): Damage | undefined {
    try {
      const { file, reason, at } = JSON.parse(this.fs.readSync(join(this.dir, name), 0, QUARANTINE_WHY_BYTES_MAX).toString()) as Damage;
      return { file: String(file), reason: String(reason), at: String(at) };
    } catch (error) {
      if (isShortage(error)) throw error;
      return undefined;
    }
  }

  private async explain(name: string, damage: Damage): Promise<void> {
    await writeFileAtomic(join(this.dir, `${name}${WHY}`), `${JSON.stringify(damage, null, 2)}\n`, { fs: this.fs });
    this.namesOf.set(damage, [...this.namesOf.get(damage) ?? [], `${name}${WHY}`]);
  }

  /** Whoever removes what is kept here has seen it. */
  private forgetTaken(): void {
    if (this.namesOf.size === 0 && this.unreported.kept === 0) return;
    const there = this.namesThere();
    if (there === undefined) return;
    if (there.size === 0) this.unreported.kept = 0;
    const taken = new Set([...this.namesOf].filter(([, names]) => !names.some((name) => there.has(name))).map(([damage]) => damage));
    this.damages = this.damages.filter((damage) => !taken.has(damage));
    for (const damage of taken) this.namesOf.delete(damage);
    for (const name of this.names) if (!there.has(name)) this.names.delete(name);
  }

  private namesThere(): Set<string> | undefined {
    try {
      return new Set(this.fs.readDirSync(this.dir).map(({ name }) => name));
    } catch {
      // Not known now: it is asked again.
      return undefined;
    }
  }

  private async ensure(): Promise<void> {
    await this.fs.mkdir(this.dir);
    await this.fs.syncDir(this.root);
  }

  /** What lies here is not written over: the same file may be damaged in the same way again. */
  private unused(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.names.has(name); count += 1) name = `${wanted}_${count}`;
    return name;
  }

  private push(damage: Damage, name?: string): void {
    if (name !== undefined) this.namesOf.set(damage, [name]);
    this.damages.push(damage);
    if (this.damages.length <= this.reportedMax) return;
    const oldest = this.damages.shift()!;
    this.unreported[this.namesOf.delete(oldest) ? 'kept' : 'noted'] += 1;
  }
}
