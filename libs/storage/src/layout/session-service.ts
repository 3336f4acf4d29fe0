import { SESSION_STATES, statusOf, type Mail, type Manifest, type ManifestInput, type Ordering, type Project, type Session, type Task, type TeamMember } from '@orbitmesh/domain';
import type { CollectionSpec } from '../commit.js';
import type { StoreLayout } from './store-layout.js';

/** Names of session-service's collections. */
export const SESSION_COLLECTIONS = {
  projects: 'projects',
  tasks: 'tasks',
  teamMembers: 'team-members',
  orderings: 'ordering',
  mail: 'mail',
  sessions: 'sessions',
  manifests: 'manifests',
  manifestInputs: 'manifest-inputs',
  runnerDrains: 'runner-drains',
  ids: 'ids',
} as const;
const NAMES = SESSION_COLLECTIONS;

/** What changes with every batch of facts: written late, the log has it (design §3). */
const SESSION_LAZY_KEYS = ['metrics', 'activity', 'currentTask', 'lastFactAt', 'updatedAt', 'revision', 'run', 'turn'];

/** A file without what the service cannot do without is damaged: it hurts its own entity, and nobody who walks through all of them. */
const PROJECTS: CollectionSpec<Project> = {
  name: NAMES.projects, schemaVersion: 1, path: (id) => `projects/${id}.json`, shape: { id: 'string', name: 'string', workingDir: 'string', revision: 'number' },
};
const TASKS: CollectionSpec<Task> = {
  name: NAMES.tasks, schemaVersion: 1, path: (id, task) => `tasks/${task.projectId}/${id}.json`, summary: ['id', 'projectId', 'parentId', 'status'],
  shape: { id: 'string', projectId: 'string', title: 'string', status: 'string', dependencies: 'array', sessionIds: 'array', taskSessionStatuses: 'object', revision: 'number' },
};
const TEAM_MEMBERS: CollectionSpec<TeamMember> = {
  name: NAMES.teamMembers, schemaVersion: 1, path: (id) => `team-members/${id}.json`, shape: { id: 'string', name: 'string', status: 'string', revision: 'number' },
};
const ORDERINGS: CollectionSpec<Ordering> = {
  name: NAMES.orderings, schemaVersion: 1, path: (id) => `ordering/${id}.json`, shape: { id: 'string', projectId: 'string', ids: 'array', revision: 'number' },
};
const MAIL: CollectionSpec<Mail> = {
  name: NAMES.mail, schemaVersion: 1, path: (id, mail) => `mail/${mail.projectId}/${id}.json`,
  summary: ['id', 'projectId', 'fromSessionId', 'toSessionId', 'threadId', 'state'], shape: { id: 'string', projectId: 'string', threadId: 'string', state: 'string' },
};
const SESSIONS: CollectionSpec<Session> = {
  name: NAMES.sessions, schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: SESSION_LAZY_KEYS,
  summary: ['id', 'projectId', 'taskIds', 'parentSessionId', 'continues', 'state', 'endedAt'], computed: { status: statusOf },
  shape: { id: 'string', projectId: 'string', taskIds: 'array', state: SESSION_STATES, desired: 'object', metrics: 'object', transitions: 'array', revision: 'number' },
};
/** Both are written once, with the session. `session.manifestHash` is over the manifest as the builder prints it, which is its file. */
const MANIFESTS: CollectionSpec<Manifest> = {
  name: NAMES.manifests, schemaVersion: 1, plain: true, onDemand: true, path: (id) => `sessions/${id}/manifest.json`,
  shape: { manifestVersion: 'string', sessionId: 'id', projectId: 'string', provider: 'object', tasks: 'array', workingDir: 'string' },
};
const MANIFEST_INPUTS: CollectionSpec<ManifestInput> = {
  name: NAMES.manifestInputs, schemaVersion: 1, onDemand: true, path: (id) => `sessions/${id}/manifest-input.json`,
  shape: { sessionId: 'id', project: 'object', tasks: 'array', mcpServers: 'array', environment: 'object', secrets: 'object', custom: 'object' },
};

export const SESSION_STORE: StoreLayout = {
  dir: 'session-service',
  collections: [
    PROJECTS, TASKS, TEAM_MEMBERS, ORDERINGS, MAIL, SESSIONS,
    MANIFESTS, MANIFEST_INPUTS,
    { name: NAMES.runnerDrains, schemaVersion: 1, path: (id) => `runner-drains/${id}.json`, shape: { id: 'string', at: 'string', by: 'string' } },
    { name: NAMES.ids, schemaVersion: 1, path: (id) => `ids/${id}.json`, shape: { id: 'string', newestId: 'string' } },
  ],
  sessionEvents: (sessionId) => `sessions/${sessionId}/events.ndjson`,
};
