import type { Mail, Task } from '@orbitmesh/domain';
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

export const COLLECTION_SPECS: CollectionSpec[] = [
  { name: COLLECTIONS.projects, schemaVersion: 1, path: (id) => `projects/${id}.json` },
  { name: COLLECTIONS.tasks, schemaVersion: 1, path: (id, task: Task) => `tasks/${task.projectId}/${id}.json` },
  { name: COLLECTIONS.teamMembers, schemaVersion: 1, path: (id) => `team-members/${id}.json` },
  { name: COLLECTIONS.orderings, schemaVersion: 1, path: (id) => `ordering/${id}.json` },
  { name: COLLECTIONS.mail, schemaVersion: 1, path: (id, mail: Mail) => `mail/${mail.projectId}/${id}.json` },
  { name: COLLECTIONS.sessions, schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: SESSION_LAZY_KEYS },
  // Both are written once, with the session. `session.manifestHash` is over the manifest as the builder prints it, which is its file.
  { name: COLLECTIONS.manifests, schemaVersion: 1, plain: true, path: (id) => `sessions/${id}/manifest.json` },
  { name: COLLECTIONS.manifestInputs, schemaVersion: 1, path: (id) => `sessions/${id}/manifest-input.json` },
  { name: COLLECTIONS.ids, schemaVersion: 1, path: (id) => `ids/${id}.json` },
];

export const sessionEventsPath = (sessionId: string): string => `sessions/${sessionId}/events.ndjson`;
