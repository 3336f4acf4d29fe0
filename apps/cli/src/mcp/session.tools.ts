import { PERMISSION_MODES, SESSION_MODES, SESSION_STATUSES, type SessionView, type TimelineEntry } from '@orbitmesh/domain';
import { NAME_CHARS_MAX, SESSION_TASKS_MAX, TEXT_CHARS_MAX } from '@orbitmesh/contracts/wire';
import { z } from 'zod';
import { MCP_LIST_ITEMS_DEFAULT } from '../limits.js';
import { CHANGES, memberId, PAGE, READS, sessionId, taskId, tool, type Desk, type Tool } from './tool.js';

/** Who it is, and how it stands. */
function brief(one: SessionView) {
  const { id, name, state, status, activity, currentTask, needsInput, outcome, taskIds, parentSessionId, providerType } = one;
  return {
    id, name, state, status, activity, currentTask, needsInput: needsInput?.active ? needsInput.message : null,
    outcome: outcome && { code: outcome.code, message: outcome.message, reported: outcome.reported },
    taskIds, parentSessionId, provider: providerType, member: one.teamMember && { id: one.teamMember.id, name: one.teamMember.name, role: one.teamMember.role },
  };
}

/** Null: there is nobody of that kind. */
async function parentMeant({ client, own }: Desk, of: 'children' | 'siblings' | 'project', signal: AbortSignal): Promise<string | undefined | null> {
  if (of === 'project') return undefined;
  if (of === 'children') return own.sessionId;
  return (await client.read('sessions.get', { params: { id: own.sessionId } }, { signal })).parentSessionId;
}

const SPAWN_INPUT = {
  directive: z.string().min(1).max(TEXT_CHARS_MAX).optional().describe('What it is to do, with all it needs to know: it has not seen your conversation. Needed where there are no taskIds.'),
  taskIds: z.array(taskId('A task.')).max(SESSION_TASKS_MAX).optional().describe('Tasks of the project to work on.'),
  memberId: memberId('The team member it works as; list_team_members shows them.').optional(),
  name: z.string().min(1).max(NAME_CHARS_MAX).optional().describe('What to call it.'),
  provider: z.string().max(64).optional().describe("Which configured agent does it (default: the member's, else the same as yours)."),
  model: z.string().min(1).max(NAME_CHARS_MAX).optional().describe('The model, where the provider lets one choose.'),
  mode: z.enum(SESSION_MODES).optional().describe('task: ends when its work is done (default); interactive: waits for more input.'),
  permissionMode: z.enum(PERMISSION_MODES).optional().describe('What happens when it asks for permission; never more than you have yourself.'),
  workingDir: z.string().startsWith('/').optional().describe("Where it works, an absolute path (default: the project's directory)."),
};

/** The sessions around this one. */
export const SESSION_TOOLS: readonly Tool[] = [
  tool({
    name: 'spawn_session', title: 'Start a worker', annotations: CHANGES, input: SPAWN_INPUT,
    description: 'Start another agent as your child, and return at once. You get a mail when it has finished, failed or needs input: wait_for_mail, or end your turn.',
    run: async ({ client, own }, { directive, memberId: teamMemberId, provider, ...rest }, { change }) => {
      const { body } = await client.spawn({ projectId: own.projectId, parentSessionId: own.sessionId, initialDirective: directive, teamMemberId, providerType: provider, ...rest }, change);
      return { text: `Started: ${body.id} (${body.name}).`, data: { session: brief(body) } };
    },
  }),
  tool({
    name: 'list_sessions', title: 'List sessions', annotations: READS, description: 'List the sessions around you with state, status and outcome: those you started, those that were started beside you, or all of the project.',
    input: {
      of: z.enum(['children', 'siblings', 'project']).default('children').describe('children: those you started; siblings: those started by who started you.'),
      status: z.enum(SESSION_STATUSES).optional().describe('Only with this status.'),
      ...PAGE,
    },
    run: async (desk, { of, status, limit = MCP_LIST_ITEMS_DEFAULT, cursor }, { signal }) => {
      const parentSessionId = await parentMeant(desk, of, signal);
      if (parentSessionId === null) return { data: { items: [], nextCursor: null } };
      const query = { projectId: desk.own.projectId, parentSessionId, status, limit, cursor };
      const { items, nextCursor } = await desk.client.read('sessions.list', { query }, { signal });
      return { data: { items: items.filter(({ id }) => of === 'project' || id !== desk.own.sessionId).map(brief), nextCursor } };
    },
  }),
  tool({
    name: 'get_session', title: 'Show a session', annotations: READS, description: 'Show how a session of the project stands; without sessionId, your own.', input: { sessionId: sessionId('Which session (default: your own).').optional() },
    run: async ({ client, own }, { sessionId: id = own.sessionId }, { signal }) => ({ data: { session: brief(await client.read('sessions.get', { params: { id } }, { signal })) } }),
  }),
  tool({
    name: 'get_timeline', title: 'Show what a session reported', annotations: READS, description: 'Show what your own session, or one that you started, has reported so far, oldest first.',
    input: { sessionId: sessionId('Which session (default: your own).').optional(), ...PAGE },
    run: async ({ client, own }, { sessionId: id = own.sessionId, limit = MCP_LIST_ITEMS_DEFAULT, cursor }, { signal }) => {
      const { items, nextCursor } = await client.read('sessions.timeline', { params: { id }, query: { limit, cursor } }, { signal });
      return { data: { items: items.map(({ timestamp, data }) => ({ at: timestamp, ...(data as TimelineEntry) })), nextCursor } };
    },
  }),
  tool({
    name: 'list_team_members', title: 'List team members', annotations: READS, description: 'List the team members that sessions of this project can work as: for spawn_session, and for mail to member:ID.', input: PAGE,
    run: async ({ client, own }, { limit = MCP_LIST_ITEMS_DEFAULT, cursor }, { signal }) => {
      const { items, nextCursor } = await client.read('teamMembers.list', { query: { projectId: own.projectId, limit, cursor } }, { signal });
      return { data: { items: items.filter(({ status }) => status === 'active').map(({ id, name, role, skills, provider }) => ({ id, name, role, skills, provider })), nextCursor } };
    },
  }),
];
