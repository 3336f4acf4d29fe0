import fc from 'fast-check';
import { life, live, type Commit } from '../testing/session-life.js';
import type { FeedEvent } from '../feed/envelope.js';
import { jsonBytes } from '../kernel/text.js';
import { PENDING_INPUTS_BYTES_MAX, PENDING_INPUTS_MAX } from '../limits.js';
import { MAIL_STATES, type Mail } from '../work/mail.js';
import type { TimelineEntry } from '../work/timeline.js';
import { isEnding } from './decide-end.js';
import { takesMail, undeliveredMail } from './decide-mail.js';
import type { Session } from './session.js';
import { isTerminal } from './session-state.js';

/** More of them in `npm run test:faults`. */
const RUNS = { numRuns: process.env.ORBITMESH_TEST_FAULTS === '1' ? 1_000 : 100 };
const of = (events: FeedEvent[], type: string | RegExp): FeedEvent[] => events.filter((event) => (typeof type === 'string' ? event.type === type : type.test(event.type)));
const mailIds = (session: Session | null): string[] => session?.pendingInputs.flatMap(({ mailIds: ids }) => ids ?? []) ?? [];
const queued = (mail: Mail[]): Mail[] => mail.filter(({ state }) => state === 'queued');
/** A mailbox or a queue of inputs can be full: then the rest waits for another turn. */
const hasRoom = ({ pendingInputs }: Session): boolean => pendingInputs.length < PENDING_INPUTS_MAX && jsonBytes(pendingInputs) < PENDING_INPUTS_BYTES_MAX / 2;

/** The facts that a commit took. */
function taken({ before, after, command }: Commit): string[] {
  if (command.type !== 'facts' || !before?.run) return [];
  const [was, is] = [before.run.ackedRunSeq, after.run!.ackedRunSeq];
  return command.facts.filter(({ runSeq }) => runSeq > was && runSeq <= is).map(({ fact }) => fact.type);
}

describe('any sequence of commands, with mail coming and going', () => {
  it('loses no mail, and moves none backwards', () => {
    fc.assert(fc.property(life, (a) => {
      const { events, mail, deleted } = live(a, (commit) => {
        expect(commit.mail.map(({ id }) => id)).toEqual(commit.mailBefore.map(({ id }) => id));
        commit.mail.forEach((one, n) => {
          const was = commit.mailBefore[n];
          expect(MAIL_STATES.indexOf(one.state)).toBeGreaterThanOrEqual(MAIL_STATES.indexOf(was.state));
          expect(one.revision).toBe(was.revision + (one === was ? 0 : 1));
          expect({ ...one, state: 0, deliveredBy: 0, deliveredAt: 0, updatedAt: 0, revision: 0 }).toEqual({ ...was, state: 0, deliveredBy: 0, deliveredAt: 0, updatedAt: 0, revision: 0 });
        });
      });
      const ours = of(events, 'mail:received').filter(({ sessionId }) => sessionId === 'sess_1').map(({ data }) => (data as Mail).id);
      expect([...mail, ...deleted].map(({ id }) => id).sort()).toEqual(ours.sort());
    }), RUNS);
  });

  it('delivers each mail at most once, and as input only when its agent has that input', () => {
    fc.assert(fc.property(life, (a) => {
      const { events, mail } = live(a, (commit) => {
        const byInput = commit.mail.filter((one, n) => one !== commit.mailBefore[n]);
        if (byInput.length === 0) return;
        expect(taken(commit)).toContain('input_delivered');
        const wasOnItsWay = mailIds(commit.before);
        for (const one of byInput) {
          expect(one).toMatchObject({ state: 'delivered', deliveredBy: 'input' });
          expect(wasOnItsWay).toContain(one.id);
          expect(mailIds(commit.after)).not.toContain(one.id);
        }
      });
      const delivered = of(events, 'mail:delivered').map(({ data }) => (data as Mail).id);
      expect(new Set(delivered).size).toBe(delivered.length);
      for (const { id, deliveredBy } of mail) expect(delivered.includes(id)).toBe(deliveredBy !== null);
    }), RUNS);
  });

  it('has each mail on its way once, and only while the session may still take it', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, ({ before, after, mailBefore, events }) => {
        const ids = mailIds(after);
        expect(new Set(ids).size).toBe(ids.length);
        const added = ids.filter((id) => !mailIds(before).includes(id));
        expect(queued(mailBefore).map(({ id }) => id)).toEqual(expect.arrayContaining(added));
        const inputs = of(events, 'input').map(({ data }) => data as { source: string; mailIds?: string[] });
        expect(inputs.flatMap((input) => input.mailIds ?? [])).toEqual(expect.arrayContaining(added));
        for (const { source, mailIds: named } of inputs) expect(source === 'mail').toBe(named !== undefined);
        if (isTerminal(after)) expect(ids).toEqual([]);
        expect(jsonBytes(after.pendingInputs)).toBeLessThanOrEqual(PENDING_INPUTS_BYTES_MAX);
      });
    }), RUNS);
  });

  it('leaves nothing waiting where a turn has just ended in order, or where it is asked to deliver', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, (commit) => {
        const ends = taken(commit).at(-1) === 'turn_ended' || commit.command.type === 'deliver_mail';
        if (!ends || !takesMail(commit.after) || !hasRoom(commit.after)) return;
        expect(undeliveredMail(commit.after, queued(commit.mail))).toEqual([]);
      });
    }), RUNS);
  });

  it('does not finish over mail that waits, nor asks for a report before it has said that mail', () => {
    fc.assert(fc.property(life, (a) => {
      live(a, (commit) => {
        const { before, after, mailBefore, events } = commit;
        // A batch may hold several turns: only of one with a single end is it known what waited then.
        if (taken(commit).filter((type) => type === 'turn_ended').length !== 1) return;
        const waiting = undeliveredMail(before!, queued(mailBefore));
        const nudged = of(events, 'input').some(({ data }) => (data as { source: string }).source === 'system');
        if (after.mode === 'task' && after.desired.outcome === 'finished' && !isEnding(before!)) expect(waiting).toEqual([]);
        if (nudged && takesMail(after) && hasRoom(after)) expect(waiting).toEqual([]);
      });
    }), RUNS);
  });

  it('tells the parent of every episode of needing input, and of the end, once each', () => {
    fc.assert(fc.property(life, (a) => {
      const { session, commits } = live(a, ({ sent, events }) => {
        const told = of(events, 'mail:received').filter(({ sessionId }) => sessionId === 'sess_parent');
        expect(told.map(({ data }) => data)).toEqual(sent);
        expect(sent).toHaveLength(of(events, /^notify:(needs_input|session_(completed|failed|stopped))$/).length);
      });
      const sent = commits.flatMap((commit) => commit.sent);
      expect(new Set(sent.map(({ id }) => id)).size).toBe(sent.length);
      expect(sent.filter(({ subject }) => /^(Finished|Failed): /.test(subject))).toHaveLength(isTerminal(session) ? 1 : 0);
    }), RUNS);
  });

  it('is silent on the timeline but for one beginning, one end, and what nobody answered in time', () => {
    fc.assert(fc.property(life, (a) => {
      const { session, events } = live(a);
      const system = of(events, 'timeline').map(({ data }) => data as TimelineEntry).filter(({ by }) => by === 'system').map(({ kind }) => kind);
      const ran = session.transitions.some(({ to, reason }) => to === 'running' && reason === 'the agent is ready');
      const unanswered = of(events, 'approval_resolved').filter(({ data }) => (data as { state: string }).state === 'expired');
      expect(system.filter((kind) => kind === 'error')).toHaveLength(unanswered.length);
      expect(system.filter((kind) => kind !== 'error')).toEqual([...(ran ? ['started'] : []), ...(isTerminal(session) ? ['stopped'] : [])]);
    }), RUNS);
  });

  it('gets as far as delivering: the lives above are worth living', () => {
    const seen = { onItsWay: 0, delivered: 0, failed: 0, ending: 0 };
    fc.assert(fc.property(life, (a) => {
      live(a, ({ before, after, events }) => {
        if (mailIds(after).length > 0) seen.onItsWay += 1;
        if (of(events, 'mail:delivered').length > 0) seen.delivered += 1;
        if (mailIds(before).length > 0 && isEnding(after) && !isEnding(before!)) seen.ending += 1;
        if (mailIds(before).length > 0 && of(events, 'error').some(({ data }) => (data as { code: string }).code === 'input_failed')) seen.failed += 1;
      });
    }), { numRuns: 500, seed: 1 });
    for (const [what, times] of Object.entries(seen)) expect([what, times > 0]).toEqual([what, true]);
  });
});
