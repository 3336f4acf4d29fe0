import { SESSION_STATES, type Mail, type Ordering, type Project, type Session, type Task, type TeamMember } from '@orbitmesh/domain';
import type { CollectionSpec } from '@orbitmesh/storage';

/** Names of the store's collections. */
export const COLLECTIONS = {
  projects: 'projects',
  tasks: 'tasks',
  teamMembers: 'team-members',
  orderings: 'ordering',
  mail: 'mail',
  sessions: 'sessions',
  manifests: 'manifests',
  manifestInputs: 'manifest-inputs',
  ids: 'ids',
} as const;

/** What changes with every batch of facts: written late, the log has it (design §3). */
const SESSION_LAZY_KEYS = ['metrics', 'activity', 'currentTask', 'lastFactAt', 'updatedAt', 'revision', 'run', 'turn'];

/** A file without what the service cannot do without is damaged: it hurts its own entity, and nobody who walks through all of them. */
const PROJECTS: CollectionSpec<Project> = {
  name: COLLECTIONS.projects, schemaVersion: 1, path: (id) => `projects/${id}.json`, shape: { id: 'string', name: 'string', workingDir: 'string', revision: 'number' },
};
const TASKS: CollectionSpec<Task> = {
  name: COLLECTIONS.tasks, schemaVersion: 1, path: (id, task) => `tasks/${task.projectId}/${id}.json`,
  shape: { id: 'string', projectId: 'string', title: 'string', status: 'string', dependencies: 'array', sessionIds: 'array', taskSessionStatuses: 'object', revision: 'number' },
};
const TEAM_MEMBERS: CollectionSpec<TeamMember> = {
  name: COLLECTIONS.teamMembers, schemaVersion: 1, path: (id) => `team-members/${id}.json`, shape: { id: 'string', name: 'string', status: 'string', revision: 'number' },
};
const ORDERINGS: CollectionSpec<Ordering> = {
  name: COLLECTIONS.orderings, schemaVersion: 1, path: (id) => `ordering/${id}.json`, shape: { id: 'string', projectId: 'string', ids: 'array', revision: 'number' },
};
const MAIL: CollectionSpec<Mail> = {
  name: COLLECTIONS.mail, schemaVersion: 1, path: (id, mail) => `mail/${mail.projectId}/${id}.json`,
  shape: { id: 'string', projectId: 'string', threadId: 'string', state: 'string' },
};
const SESSIONS: CollectionSpec<Session> = {
  name: COLLECTIONS.sessions, schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: SESSION_LAZY_KEYS,
  shape: { id: 'string', projectId: 'string', taskIds: 'array', state: SESSION_STATES, desired: 'object', metrics: 'object', transitions: 'array', revision: 'number' },
};

export const COLLECTION_SPECS: CollectionSpec[] = [
  PROJECTS, TASKS, TEAM_MEMBERS, ORDERINGS, MAIL, SESSIONS,
  // Both are written once, with the session. `session.manifestHash` is over the manifest as the builder prints it, which is its file.
  { name: COLLECTIONS.manifests, schemaVersion: 1, plain: true, path: (id) => `sessions/${id}/manifest.json` },
  { name: COLLECTIONS.manifestInputs, schemaVersion: 1, path: (id) => `sessions/${id}/manifest-input.json` },
  { name: COLLECTIONS.ids, schemaVersion: 1, path: (id) => `ids/${id}.json`, shape: { id: 'string', newestId: 'string' } },
];

export const sessionEventsPath = (sessionId: string): string => `sessions/${sessionId}/events.ndjson`;
