import type { StartRun } from '@orbitmesh/contracts';
import { handleSession, type NumberedFact, type Session, type SessionCommand } from '@orbitmesh/domain';

/** What was asked of a session when it had said so many facts. */
export interface Asked { after: number; command: SessionCommand }

/** The session that these facts make, as session-service would have it: its outcome above all. */
export function sessionOf(request: StartRun, facts: readonly NumberedFact[], asked: readonly Asked[] = []): Session {
  const { sessionId, runId, epoch, manifest } = request;
  let ids = 0;
  const ctx = { now: new Date(0).toISOString(), newId: (kind: string): string => `${kind}_${(ids += 1)}` };
  let session: Session | null = null;
  const tell = (command: SessionCommand): void => { session = handleSession(session, command, ctx, []).session; };
  tell({
    type: 'spawn', sessionId, projectId: manifest.projectId, taskIds: [], name: 'hostile', teamMember: null, parent: null, continues: null, agentSessionId: null,
    conversationId: null, providerType: manifest.provider.type, model: null, permissionMode: 'ask', mode: 'interactive', workingDir: manifest.workingDir, manifestHash: 'hash',
  });
  tell({ type: 'place', runId, runnerId: 'slot-0' });
  tell({ type: 'claim', runId, epoch });
  for (const fact of facts) {
    for (const { command } of asked.filter(({ after }) => after === fact.runSeq - 1)) tell(command);
    tell({ type: 'facts', runId, epoch, facts: [fact] });
  }
  return session!;
}
