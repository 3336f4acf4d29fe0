import { basename, dirname } from 'node:path';
import type { ApiAnswer, ApiClient, CallOptions } from '@orbitmesh/api-client';
import type { OrderedEntity } from '@orbitmesh/domain';
import { Collections, NOTIFIER_COLLECTIONS, SESSION_COLLECTIONS, type StoreLayout } from '@orbitmesh/storage';

export type Document = Record<string, unknown> & { id: string };

export interface Adoption {
  /** As OrbitMesh has it now. */
  get(client: ApiClient, doc: Document): Promise<object>;
  send(client: ApiClient, doc: Document, patch: never, options: CallOptions): Promise<ApiAnswer<object>>;
  /** The only fields of it that anybody changes; else the server says which. */
  fields?: readonly string[];
}

/** What of a home people change, each by its ordinary update. */
export const ADOPTIONS: Readonly<Record<string, Adoption>> = {
  [SESSION_COLLECTIONS.projects]: { get: (client, { id }) => client.project(id), send: (client, { id }, patch, how) => client.updateProject(id, patch, how) },
  [SESSION_COLLECTIONS.tasks]: { get: (client, { id }) => client.task(id), send: (client, { id }, patch, how) => client.updateTask(id, patch, how) },
  [SESSION_COLLECTIONS.teamMembers]: { get: (client, { id }) => client.teamMember(id), send: (client, { id }, patch, how) => client.updateTeamMember(id, patch, how) },
  [SESSION_COLLECTIONS.sessions]: { fields: ['name'], get: (client, { id }) => client.session(id), send: (client, { id }, { name }: { name: string }, how) => client.renameSession(id, name, how) },
  [SESSION_COLLECTIONS.orderings]: {
    fields: ['ids'], get: (client, doc) => client.ordering(doc['entityType'] as OrderedEntity, doc['projectId'] as string),
    send: (client, doc, { ids }: { ids: string[] }, how) => client.replaceOrdering(doc['entityType'] as OrderedEntity, doc['projectId'] as string, ids, how),
  },
  [NOTIFIER_COLLECTIONS.webhooks]: { get: (client, { id }) => client.webhook(id), send: (client, { id }, patch, how) => client.updateWebhook(id, patch, how) },
};

/** By its place alone, for whoever proposes it. @param file of this store */
export function isAdoptable({ collections }: StoreLayout, file: string): boolean {
  const name = new Collections(collections).identify(file, { projectId: basename(dirname(file)) });
  return name !== undefined && name.collection in ADOPTIONS;
}
