import type { Mail, Task } from '@orbitmesh/domain';
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
  ids: 'ids',
} as const;
const NAMES = SESSION_COLLECTIONS;

/** What changes with every batch of facts: written late, the log has it (design §3). */
const SESSION_LAZY_KEYS = ['metrics', 'activity', 'currentTask', 'lastFactAt', 'updatedAt', 'revision', 'run', 'turn'];

export const SESSION_STORE: StoreLayout = {
  dir: 'session-service',
  collections: [
    { name: NAMES.projects, schemaVersion: 1, path: (id) => `projects/${id}.json` },
    { name: NAMES.tasks, schemaVersion: 1, path: (id, task: Task) => `tasks/${task.projectId}/${id}.json` },
    { name: NAMES.teamMembers, schemaVersion: 1, path: (id) => `team-members/${id}.json` },
    { name: NAMES.orderings, schemaVersion: 1, path: (id) => `ordering/${id}.json` },
    { name: NAMES.mail, schemaVersion: 1, path: (id, mail: Mail) => `mail/${mail.projectId}/${id}.json` },
    { name: NAMES.sessions, schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: SESSION_LAZY_KEYS },
    // Both are written once, with the session. `session.manifestHash` is over the manifest as the builder prints it, which is its file.
    { name: NAMES.manifests, schemaVersion: 1, plain: true, path: (id) => `sessions/${id}/manifest.json` },
    { name: NAMES.manifestInputs, schemaVersion: 1, path: (id) => `sessions/${id}/manifest-input.json` },
    { name: NAMES.ids, schemaVersion: 1, path: (id) => `ids/${id}.json` },
  ],
  sessionEvents: (sessionId) => `sessions/${sessionId}/events.ndjson`,
};
