import type { ApiClient } from '@orbitmesh/api-client';
import type { SendMailBody } from '@orbitmesh/contracts';
import { CliError, EXIT } from './exit-code.js';

export const WHOM = 'SESSION, parent, children, siblings, project or member:MEMBER';

export type Recipient = Pick<SendMailBody, 'to' | 'toSessionId'>;

interface Sender {
  /** Whose parent is meant. @throws CliError when nobody sends it */
  sessionId(): string;
  /** The project that `project` means where none is named. */
  projectId: string | undefined;
}

/** Whom one means by a word. @throws CliError when it is none that there can be */
export async function recipientOf(client: ApiClient, to: string, sender: Sender): Promise<Recipient> {
  const [kind, id] = to.split(/:(.*)/s);
  if (kind === 'children' || kind === 'siblings') return { to: { kind } };
  if (kind === 'parent') return { toSessionId: await parentOf(client, sender.sessionId()) };
  if (kind === 'project') return { to: { kind, id: id || sender.projectId } };
  if (id && ['member', 'team-member', 'team_member'].includes(kind)) return { to: { kind: 'team_member', id } };
  if (id !== undefined && kind !== 'session') throw new CliError(EXIT.usage, `${to} is nobody: ${WHOM}.`);
  return { toSessionId: id ?? to };
}

async function parentOf(client: ApiClient, sessionId: string): Promise<string> {
  const { parentSessionId } = await client.session(sessionId);
  if (parentSessionId === null) throw new CliError(EXIT.notFound, `Nobody started the session ${sessionId} but a person: it has no parent.`);
  return parentSessionId;
}
