import type { AuditEntry } from '@orbitmesh/contracts';
import { timeText, type Columns } from '../document-text.js';
import type { Register } from '../site.js';

const COLUMNS: Columns<AuditEntry> = [
  ['AT', (one) => timeText(one.at)], ['WHO', whoText], ['DID', (one) => one.action], ['TO', (one) => Object.values(one.target)], ['ANSWER', answerText], ['FROM', (one) => [one.from.address, one.from.origin].filter((part) => part !== undefined).join(' ')],
];

export const registerAudit: Register = (program) => {
  program.list<AuditEntry, { actor?: string; on?: string; refused?: boolean; since?: string }>({
    name: 'audit', about: 'list who did what, to what and from where, newest first',
    options: [
      ['--actor <who>', 'only what this one did: admin, nobody, the id of a token, or of a session for its agent'], ['--on <id>', 'only what was done to it'],
      ['--refused', 'only what was refused or failed'], ['--since <time>', 'only since this date or time (RFC 3339)'],
    ],
    page: ({ client, call: { options: { actor, on, refused, since } } }, query) => client.audit({ actor, on, refused, since, ...query }),
    columns: COLUMNS, none: 'Nothing.',
  });
};

function whoText({ actor }: AuditEntry): string {
  return actor.kind === 'user' ? actor.tokenId : actor.kind === 'agent' ? actor.sessionId : actor.kind;
}

function answerText({ status, code, more }: AuditEntry): string {
  const answer = status === null ? 'hung up' : code === undefined ? `${status}` : `${status} ${code}`;
  return more === undefined ? answer : `${answer}, and ${more} more like it`;
}
