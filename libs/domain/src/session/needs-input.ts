import { abbreviate } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import type { Decision } from './decision.js';
import type { Approval, NeedsInput, Session } from './session.js';

/**
 * Somebody is needed. An episode lasts until it is cleared and is notified once, whatever else is asked
 * meanwhile; a new question of the agent only changes its words.
 */
export function raiseNeedsInput(d: Decision, source: NeedsInput['source'], text: string): void {
  const message = abbreviate(text, MESSAGE_BYTES_MAX);
  const { needsInput } = d.session;
  if (!needsInput) return d.record({ type: 'needs_input_raised', needsInput: { active: true, message, since: d.now, source } });
  const asksMore = source === 'timeline' || needsInput.source === source;
  if (asksMore && needsInput.message !== message) d.record({ type: 'needs_input_reworded', needsInput: { ...needsInput, message, source } });
}

export function clearNeedsInput(d: Decision): void {
  if (d.session.needsInput) d.record({ type: 'needs_input_cleared', at: d.now });
}

/** An input answers everything but an approval: while one is open, the episode goes on for its sake. */
export function answerNeedsInput(d: Decision): void {
  const open = openApprovals(d.session)[0];
  if (!open) return clearNeedsInput(d);
  const { needsInput } = d.session;
  if (needsInput && needsInput.source !== 'approval') {
    d.record({ type: 'needs_input_reworded', needsInput: { ...needsInput, message: open.title, source: 'approval' } });
  }
}

export function openApprovals(session: Session): Approval[] {
  return session.approvals.filter(({ state }) => state === 'open');
}
