import { EVENT_BYTES_MAX } from '@orbitmesh/contracts';
import type { RunFact } from '@orbitmesh/domain';
import { headOf } from '../decode/utf8.js';

/** Room for what is put around a fact on its way to an event. */
const ENVELOPE_BYTES = 2 * 1024;
/** A field that is cut keeps at least this much. */
const FIELD_BYTES_MIN = 1024;

export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * A fact is at most 256 KiB as JSON (design §2): its largest fields are cut at a character, the first
 * of them named in `truncated` where the fact has room for that. Output never comes here too long: it
 * is split before.
 */
export function boundFact<F extends RunFact>(fact: F): F {
  const max = EVENT_BYTES_MAX - ENVELOPE_BYTES;
  let total = jsonBytes(fact);
  if (total <= max) return fact;
  const bounded: Record<string, unknown> = { ...fact };
  const cut: { field: string; bytes: number }[] = [];
  const bySize = Object.keys(bounded).filter((key) => key !== 'type').sort((a, b) => jsonBytes(bounded[b] ?? null) - jsonBytes(bounded[a] ?? null));
  for (const field of bySize) {
    if (total <= max) break;
    const before = jsonBytes(bounded[field] ?? null);
    const text = typeof bounded[field] === 'string' ? bounded[field] : JSON.stringify(bounded[field]);
    // Escapes make JSON up to six times as long as its text: shrink until it fits.
    for (let room = Math.max(before - (total - max), FIELD_BYTES_MIN); ; room = Math.floor(room / 2)) {
      bounded[field] = headOf(text, room);
      if (jsonBytes(bounded[field]) <= Math.max(before - (total - max), 6 * FIELD_BYTES_MIN)) break;
    }
    total += jsonBytes(bounded[field]) - before;
    cut.push({ field, bytes: Buffer.byteLength(text) - Buffer.byteLength(bounded[field] as string) });
  }
  if (cut[0] !== undefined && (fact.type === 'tool_call' || fact.type === 'output')) bounded.truncated = cut[0];
  return bounded as F;
}
