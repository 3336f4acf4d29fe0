import type { EventType } from './event-map.js';

export type EnvelopeId = 'projectId' | 'sessionId' | 'taskId';

export interface EventDescription {
  /** When the feed is told so. */
  when: string;
  /** Of the envelope's own ids, those it always has. */
  ids: readonly EnvelopeId[];
  /** Those it has only where there is one. An id in neither list is never there. */
  maybe?: readonly EnvelopeId[];
}

const PROJECT = ['projectId'] as const;
const TASK = ['projectId', 'taskId'] as const;
const SESSION = ['projectId', 'sessionId'] as const;
const BOTH = ['projectId', 'sessionId', 'taskId'] as const;

/** What every event means and which ids its envelope carries (design §5); what its `data` is says `EventMap`. */
export const EVENT_CATALOGUE = {
  status_change: { when: 'A session went from one state to the next; a path has one for each step.', ids: SESSION },
  output: { when: 'The agent said something, or its command wrote it; coalesced, never dropped silently.', ids: SESSION },
  metric: { when: 'What the session has used so far; cumulative, it only grows.', ids: SESSION },
  error: { when: 'Something went wrong: of the agent, its run, or an input to it.', ids: SESSION },
  metadata: { when: 'A word about the session by key: activity, current task, beginnings and ends of turns, the agent\'s name.', ids: SESSION },
  tool_call: { when: 'A tool call of the agent began, went on or ended.', ids: SESSION },
  thought: { when: 'The agent said what it is thinking.', ids: SESSION },
  plan: { when: 'The agent said what it is going to do; replaces the plan before.', ids: SESSION },
  input: { when: 'An input was taken and waits to be delivered to the agent.', ids: SESSION },
  output_dropped: { when: 'Output beyond the bounds of a run was left out of the feed.', ids: SESSION },
  timeline: { when: 'An entry of the session\'s timeline: a report by its agent, by people or by the system.', ids: SESSION, maybe: ['taskId'] },
  approval_requested: { when: 'The agent asked before it acts; answered by policy or by people.', ids: SESSION },
  approval_resolved: { when: 'An approval was answered, cancelled, or denied at its deadline.', ids: SESSION },

  'session:created': { when: 'A session was spawned.', ids: SESSION },
  'session:spawn': { when: 'The same, as the spec tells it: what it was spawned with.', ids: SESSION },
  'session:updated': { when: 'A session is as it is now; at most once a commit, after the specific events, not for output, metrics and activity alone.', ids: SESSION },
  'session:transcript_removed': { when: 'Retention took the events of a session that had ended; this one is the first that is left.', ids: SESSION },
  'session:deleted': { when: 'A session that had ended was deleted.', ids: SESSION },
  'project:created': { when: 'A project was created.', ids: PROJECT },
  'project:updated': { when: 'A project was changed.', ids: PROJECT },
  'project:deleted': { when: 'An empty project was deleted.', ids: PROJECT },
  'task:created': { when: 'A task was created.', ids: TASK },
  'task:updated': { when: 'A task is as it is now, also when a session changed it; at most once a commit.', ids: TASK },
  'task:deleted': { when: 'A task was deleted; of a tree the children first.', ids: TASK },
  'task:session_added': { when: 'A session was spawned for the task.', ids: BOTH },
  'task:session_removed': { when: 'The task no longer remembers a session: it was deleted, or made room.', ids: BOTH },
  'team_member:created': { when: 'A team member was created.', ids: [], maybe: PROJECT },
  'team_member:updated': { when: 'A team member was changed, archived or unarchived, or learnt something.', ids: [], maybe: PROJECT },
  'team_member:deleted': { when: 'A team member was deleted.', ids: [], maybe: PROJECT },
  'ordering:updated': { when: 'Somebody placed tasks or sessions of a project, or a placed one was deleted.', ids: PROJECT },

  'mail:received': { when: 'A mail was sent; one event a recipient, whose session it names.', ids: PROJECT, maybe: ['sessionId'] },
  'mail:delivered': { when: 'A mail reached its recipient: as the agent\'s input, or as the answer to one that waited for it.', ids: PROJECT, maybe: ['sessionId'] },
  'mail:read': { when: 'A mail was marked read.', ids: PROJECT, maybe: ['sessionId'] },
  'mail:deleted': { when: 'A mail was deleted.', ids: PROJECT, maybe: ['sessionId'] },

  'notify:progress': { when: 'Tell people: a session reported progress or a milestone.', ids: SESSION },
  'notify:needs_input': { when: 'Tell people: a session needs input; once an episode.', ids: SESSION },
  'notify:session_completed': { when: 'Tell people: a session ended, its work completed.', ids: SESSION },
  'notify:session_failed': { when: 'Tell people: a session ended otherwise.', ids: SESSION },
  'notify:session_stopped': { when: 'Tell people: a session was stopped or killed, or ended with OrbitMesh.', ids: SESSION },
  'notify:session_blocked': { when: 'Tell people: a session reported that it is blocked.', ids: SESSION },
  'notify:task_completed': { when: 'Tell people: a task\'s status became completed.', ids: TASK },
  'notify:task_blocked': { when: 'Tell people: a task\'s status became blocked.', ids: TASK },
  'notify:task_in_review': { when: 'Tell people: a task\'s status became in_review.', ids: TASK },
  'notify:task_session_completed': { when: 'Tell people: a session\'s work on a task became completed.', ids: BOTH },
  'notify:task_session_failed': { when: 'Tell people: a session\'s work on a task became failed.', ids: BOTH },
} as const satisfies Record<EventType, EventDescription>;

export const EVENT_TYPES = Object.keys(EVENT_CATALOGUE) as EventType[];
