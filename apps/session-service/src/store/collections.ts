import type { Manifest, ManifestInput, Task } from '@orbitmesh/domain';
import type { CollectionSpec } from '@orbitmesh/storage';

/** Names of the store's collections. */
export const COLLECTIONS = {
  projects: 'projects',
  tasks: 'tasks',
  teamMembers: 'team-members',
  sessions: 'sessions',
  manifests: 'manifests',
} as const;

/** What starts a session's agent, and what it was built from; written once, with the session. */
export interface ManifestDocument {
  id: string;
  /** SHA-256 (hex) of `manifest` as the builder prints it (2 spaces); also `session.manifestHash`. */
  hash: string;
  manifest: Manifest;
  input: ManifestInput;
  revision: number;
}

/** What changes with every batch of facts: written late, the log has it (design §3). */
const SESSION_LAZY_KEYS = ['metrics', 'activity', 'currentTask', 'lastFactAt', 'updatedAt', 'revision', 'run', 'turn'];

export const COLLECTION_SPECS: CollectionSpec[] = [
  { name: COLLECTIONS.projects, schemaVersion: 1, path: (id) => `projects/${id}.json` },
  { name: COLLECTIONS.tasks, schemaVersion: 1, path: (id, task: Task) => `tasks/${task.projectId}/${id}.json` },
  { name: COLLECTIONS.teamMembers, schemaVersion: 1, path: (id) => `team-members/${id}.json` },
  { name: COLLECTIONS.sessions, schemaVersion: 1, path: (id) => `sessions/${id}/session.json`, lazyKeys: SESSION_LAZY_KEYS },
  { name: COLLECTIONS.manifests, schemaVersion: 1, path: (id) => `sessions/${id}/manifest.json` },
];

export const sessionEventsPath = (sessionId: string): string => `sessions/${sessionId}/events.ndjson`;
