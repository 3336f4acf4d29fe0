import type { OpenApiOperation } from '@orbitmesh/testing';
import { NOWHERE, type SeededWorld } from './seeded-world.js';

/** What of a generated request is replaced by what is really there; null takes a field out. */
export interface Given { params?: Record<string, string>; query?: Record<string, unknown>; body?: Record<string, unknown> }
type Recipe = (world: SeededWorld) => Given | Promise<Given>;

const id = (of: { id: string }): Given => ({ params: { id: of.id } });
const onFresh = (make: (world: SeededWorld) => Promise<{ id: string }>): Recipe => async (world) => id(await make(world));
const busy: Recipe = (world) => id(world.busy);
const ended: Recipe = (world) => id(world.ended);
const onTask = onFresh((world) => world.newTask());
const onMember = onFresh((world) => world.newMember());
const onMail = onFresh((world) => world.newMail());
const onWebhook = onFresh((world) => world.newWebhook());
const onToken = onFresh((world) => world.newToken());
const onDelivery: Recipe = async (world) => {
  const delivery = await world.newDelivery();
  return { params: { id: delivery.webhookId, deliveryId: delivery.id } };
};
const aRunner: Recipe = async ({ scenario }) => id((await scenario.api.get<{ items: { id: string }[] }>('/api/runners')).items[0]);
const thePlaces: Recipe = ({ project }) => ({ params: { entityType: 'task', projectId: project.id } });

/** Where the schema alone does not make a request that can be answered with 2xx: whom it is about, and rules between fields. */
const RECIPES: Record<string, Recipe> = {
  'projects.get': ({ project }) => id(project),
  'projects.update': ({ project }) => id(project),
  'projects.remove': onFresh((world) => world.newProject()),
  'tasks.get': ({ tasks }) => id(tasks[0]),
  'tasks.children': ({ tasks }) => id(tasks[0]),
  'tasks.update': onTask,
  'tasks.remove': onTask,
  'teamMembers.get': ({ member }) => id(member),
  'teamMembers.memory': ({ member }) => id(member),
  'teamMembers.update': onMember,
  'teamMembers.archive': onMember,
  'teamMembers.unarchive': onMember,
  'teamMembers.remember': onMember,
  'teamMembers.replaceMemory': onMember,
  'teamMembers.remove': onMember,
  'ordering.get': thePlaces,
  'ordering.replace': async (world) => ({ ...await thePlaces(world), body: { ids: world.tasks.map((task) => task.id) } }),
  'ordering.move': async (world) => ({ ...await thePlaces(world), body: { id: world.tasks[0].id, before: null, after: world.tasks[1].id } }),
  'sessions.spawn': () => ({ body: { custom: { demo: { noPermission: true } } } }),
  'runners.drain': aRunner,
  'runners.undrain': aRunner,
  'sessions.get': ended,
  'sessions.update': ended,
  'sessions.input': busy,
  'sessions.events': ended,
  'sessions.timeline': ended,
  'sessions.postTimeline': async (world) => ({ ...await busy(world), body: { kind: 'progress', taskId: null, taskStatus: null } }),
  'sessions.manifest': ended,
  'sessions.manifestInput': ended,
  'sessions.transitions': ended,
  'sessions.approvals': ended,
  'mail.send': ({ busy: { id: toSessionId } }) => ({ body: { toSessionId, to: null, replyToMailId: null, fromSessionId: null } }),
  'mail.get': onMail,
  'mail.read': onMail,
  'mail.remove': onMail,
  'mail.inbox': (world) => ({ params: { sessionId: world.busy.id } }),
  'mail.wait': (world) => ({ params: { sessionId: world.busy.id }, query: { timeout: 0 } }),
  'mail.thread': async (world) => ({ params: { threadId: (await world.newMail()).threadId } }),
  'notifications.get': async (world) => id(await world.notification()),
  'notifications.markRead': async (world) => id(await world.notification()),
  'notifications.markUnread': async (world) => id(await world.notification()),
  'webhooks.get': onWebhook,
  'webhooks.update': onWebhook,
  'webhooks.secret': onWebhook,
  'webhooks.rotateSecret': onWebhook,
  'webhooks.test': onWebhook,
  'webhooks.deliveries': onWebhook,
  'webhooks.remove': onWebhook,
  'tokens.get': onToken,
  'tokens.revoke': onToken,
  'tokens.rotate': onToken,
  'webhooks.delivery': onDelivery,
  'webhooks.retry': onDelivery,
};

/** Each of these needs a session of its own, which takes seconds: one request says enough. */
const ON_SESSIONS: Record<string, Recipe> = {
  'sessions.remove': onFresh((world) => world.newEnded()),
  'sessions.stop': onFresh((world) => world.newBusy()),
  'sessions.kill': onFresh((world) => world.newBusy()),
  'sessions.pause': onFresh((world) => world.newBusy()),
  'sessions.interrupt': onFresh((world) => world.newBusy()),
  'sessions.resume': onFresh((world) => world.newPaused()),
  'sessions.continue': onFresh((world) => world.newEnded()),
  'sessions.answerApproval': async (world) => {
    const approval = await world.newApproval();
    return { params: { id: approval.sessionId, approvalId: approval.id }, body: { optionId: null, decision: 'allow' } };
  },
};

/** Of one operation, different ones, the same in every run. */
export function requestsOf({ id: operationId }: OpenApiOperation): number {
  return operationId in ON_SESSIONS ? 1 : 3;
}

export async function givenFor(operation: OpenApiOperation, world: SeededWorld): Promise<Given> {
  return await (RECIPES[operation.id] ?? ON_SESSIONS[operation.id])?.(world) ?? {};
}

/** What fields of these names can be in this world; empty: left out, because only an answer can give one. */
export function valuesIn(world: SeededWorld): (name: string) => readonly unknown[] | undefined {
  const values: Record<string, readonly unknown[]> = {
    projectId: [world.project.id], taskId: [world.tasks[0].id], taskIds: [[], [world.tasks[0].id]], parentId: [null, world.tasks[1].id], dependencies: [[], [world.tasks[1].id]],
    teamMemberId: [world.member.id], parentSessionId: [world.busy.id], fromSessionId: [world.busy.id], toSessionId: [world.busy.id], sessionId: [world.busy.id],
    workingDir: [world.scenario.repository], providerType: ['demo'], provider: ['demo', null], dueDate: [null, '2030-01-31T12:00:00Z', '2030-01-31'], expiresAt: [null, '2100-01-31T12:00:00Z', '2100-01-31'],
    environment: [{}, { COLOUR: 'teal' }], secrets: [{}, { HINT: 'env:HOME' }], custom: [{}], mcpServers: [[]], runnerLabels: [{}], maxSessions: [null, 5_000], url: [NOWHERE],
    cursor: [], after: [], threadId: [], replyToMailId: [], upTo: [],
  };
  return (name) => values[name];
}
