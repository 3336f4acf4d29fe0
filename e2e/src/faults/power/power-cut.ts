import { existsSync, linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Chance } from '@orbitmesh/testing';

const RECORDER = new URL('disk-recorder.mjs', import.meta.url);

/** One line of a trace, as disk-recorder.mjs writes it. */
interface Told {
  pid: number;
  n: number;
  /** µs of the clock that all processes share. */
  at: number;
  op: 'open' | 'create' | 'rename' | 'link' | 'unlink' | 'truncate' | 'done' | 'failed' | 'sync' | 'syncdir';
  path: string;
  from?: string;
  shadow?: string | null;
  size?: number;
  directory?: boolean;
  of?: number;
  /** What was done before this is covered. */
  upTo?: number;
}

/** A change of a directory that no sync of it has covered yet. */
interface Entry { told: Told; doneAt: number | null }

export interface Lost { entries: number; bytes: number }

/** The environment of a stack whose services write down what they sync. */
export function recorded(traceDir: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${RECORDER.href}`, ORBITMESH_DISK_TRACE: traceDir };
}

/** @returns the file whose being there keeps every sync from ending */
export function stallFile(traceDir: string): string {
  return join(traceDir, 'stall');
}

/**
 * Makes of a home whose processes were all killed what a machine that lost its power would have kept: of every file
 * what was synced and a part of the rest, of every directory the changes up to its last sync and some after it. Chance
 * decides how much; half of the time, or with `all`, nothing unsynced survives. The traces begin anew.
 */
export function cutPower(traceDir: string, chance: Chance, { all = false } = {}): Lost {
  const lost: Lost = { entries: 0, bytes: 0 };
  const nothingSurvives = chance.oneIn(2) || all;
  const traces = readdirSync(traceDir).filter((name) => name.endsWith('.trace')).flatMap((name) => readTrace(join(traceDir, name)));
  const { entries, durable } = unsynced(traces.sort((a, b) => a.at - b.at));
  for (const [path, size] of durable) lost.bytes += loseBytes(path, size, nothingSurvives ? 0 : chance.next());
  for (const changes of entries.values()) {
    const kept = nothingSurvives ? 0 : chance.between(0, changes.length);
    for (const { told } of changes.slice(kept).reverse()) lost.entries += undo(told) ? 1 : 0;
  }
  for (const name of readdirSync(traceDir)) rmSync(join(traceDir, name));
  return lost;
}

/** A line that was cut by the kill had not been said. */
function readTrace(path: string): Told[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as Told);
}

/** What the disk is not known to have: by directory its changes in order, by file the size that was synced. */
function unsynced(trace: readonly Told[]): { entries: Map<string, Entry[]>; durable: Map<string, number> } {
  const entries = new Map<string, Entry[]>();
  const durable = new Map<string, number>();
  const add = (told: Told, doneAt: number | null): void => {
    const dir = dirname(told.path);
    entries.set(dir, [...entries.get(dir) ?? [], { told, doneAt }]);
  };
  for (const told of trace) {
    const { op, path, pid, at } = told;
    if (op === 'create') {
      add(told, at);
      if (!told.directory) durable.set(path, 0);
    } else if (op === 'open') {
      // Of before the trace began: what it had then counts as kept.
      if (!durable.has(path)) durable.set(path, told.size ?? 0);
    } else if (op === 'sync') {
      durable.set(path, Math.max(durable.get(path) ?? 0, told.size ?? 0));
    } else if (op === 'truncate') {
      durable.set(path, Math.min(durable.get(path) ?? Infinity, told.size ?? 0));
    } else if (op === 'syncdir') {
      // What another process had begun is covered, too: if it was killed in the middle, nobody can tell.
      entries.set(path, (entries.get(path) ?? []).filter(({ told: one, doneAt }) => (doneAt ?? (one.pid === pid ? Infinity : one.at)) > told.upTo!));
    } else if (op === 'done' || op === 'failed') {
      const inDir = entries.get(dirname(path)) ?? [];
      const entry = inDir.find(({ told: one }) => one.pid === pid && one.n === told.of);
      if (op === 'failed') entries.set(dirname(path), inDir.filter((one) => one !== entry));
      else if (entry) {
        entry.doneAt = at;
        move(durable, entry.told);
      }
    } else add(told, null);
  }
  return { entries, durable };
}

function move(durable: Map<string, number>, { op, from, path }: Told): void {
  const size = op === 'unlink' ? undefined : durable.get(from!);
  if (op === 'rename') durable.delete(from!);
  if (size === undefined) durable.delete(path);
  else durable.set(path, size);
}

/** @returns how many bytes were lost */
function loseBytes(path: string, durable: number, surviving: number): number {
  const there = existsSync(path) ? lstatSync(path) : null;
  if (!there?.isFile() || there.size <= durable) return 0;
  const size = durable + Math.floor((there.size - durable) * surviving);
  truncateSync(path, size);
  return there.size - size;
}

/** @returns whether there was something to undo */
function undo({ op, path, from, shadow, directory }: Told): boolean {
  // With the directory it was in.
  if (!existsSync(dirname(path))) return false;
  if (op === 'create' || op === 'link') {
    if (!existsSync(path)) return false;
    rmSync(path, { recursive: directory === true });
    return true;
  }
  if (op === 'unlink') {
    if (existsSync(path) || !shadow) return false;
    linkSync(shadow, path);
    return true;
  }
  // Told before it was done: the kill may have come between.
  if (!existsSync(path) || existsSync(from!)) return false;
  renameSync(path, from!);
  if (shadow) linkSync(shadow, path);
  return true;
}
