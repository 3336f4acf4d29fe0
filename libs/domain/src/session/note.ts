import type { SYSTEM_TIMELINE_KINDS } from '../work/timeline.js';
import type { Decision } from './decision.js';

/** What the system itself has to say on a session's timeline: that its agent is at work, how and why it ended, what went wrong. */
export function note(d: Decision, kind: (typeof SYSTEM_TIMELINE_KINDS)[number] | 'error', message: string): void {
  d.record({ type: 'noted', at: d.now, entry: { id: d.ctx.newId('timeline'), kind, message, by: 'system' } });
}
