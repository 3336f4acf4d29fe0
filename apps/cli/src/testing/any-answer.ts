import { buildManifest, type ManifestInput } from '@orbitmesh/domain';
import type { ScriptedApi } from './scripted-api.js';

const at = '2026-01-01T10:20:30.000Z';

export const MANIFEST_INPUT: ManifestInput = {
  sessionId: 'sess_1', project: { id: 'proj_1', name: 'P', workingDir: '/work', description: '' }, tasks: [], teamMember: null, parent: null, mode: 'task', providerType: 'demo', model: null,
  permissionMode: 'ask', workingDir: '/work', systemPrompt: null, initialDirective: 'Go.', environment: {}, secrets: {}, mcpServers: [], custom: {},
};

/** One document that is a project, a task, a session that has completed, a mail, … all at once, for whoever asks for one. */
export function anything(id: string): Record<string, unknown> {
  return {
    id, projectId: 'proj_1', name: `the ${id}`, title: `the ${id}`, description: '', workingDir: '/work', createdAt: at, updatedAt: at, timestamp: at, revision: 1,
    state: 'stopped', status: 'completed', outcome: { code: 'completed', message: 'done', at, reported: true }, activity: 'idle', waiting: null, needsInput: { active: true, message: 'Which one?', since: at, source: 'timeline' }, desired: { state: 'running', reason: 'spawned', at },
    metrics: { tokensIn: 0, tokensOut: 0, cacheRead: 0, cacheWrite: 0, requestCount: 0, costUsd: 0 }, taskIds: [], teamMember: null, manifestHash: buildManifest(MANIFEST_INPUT).hash,
    priority: 'medium', parentId: null, dependencies: [], acceptanceCriteria: [], sessionIds: [], taskSessionStatuses: {},
    role: '', skills: [], memory: ['one'], capabilities: [], ids: [], entityType: 'task', scopes: ['read'], expiresAt: null, token: 'omu_new', type: 'directive', subject: '', body: 'hello', fromName: 'Ada', fromSessionId: null, toSessionId: 'sess_1', threadId: 'mail_1',
    broadcastId: null, data: { title: 'Session completed', message: 'done' }, readAt: null, url: 'https://example.org/', types: ['notify:*'], active: true, secretVersion: 1, lastDelivery: null, secret: 'whsec_x',
    capacity: 4, running: 0, starting: 0, labels: {}, providers: [], roots: null, cpuLoad: null, drain: null, driver: 'demo', installed: true, version: '1', read: 2, answer: null, requestedAt: at,
    at, actor: { kind: 'admin' }, action: 'POST /api/sessions/:id/stop', target: { id }, from: { address: '127.0.0.1' },
  };
}

/** Answers everything, well. */
export function answerAll(api: ScriptedApi): void {
  const event = (seq: number, type: string, data: object) => ({ seq, sessionSeq: seq, cursor: `l.${seq}`, id: `e${seq}`, type, timestamp: at, commitEnd: true, sessionId: 'sess_1', data });
  const pages = [[event(1, 'output', { content: 'one' }), event(2, 'timeline', { kind: 'progress', message: 'm', by: 'agent' })], []].map((items): [number, object] => [200, { items, nextCursor: '2' }]);
  const timeline = pages.map(([status, { items }]: [number, { items?: { type: string }[] }]): [number, object] => [status, { items: (items ?? []).filter(({ type }) => type === 'timeline'), nextCursor: '2' }]);
  api.otherwise = [200, { ...anything('x_1'), items: [anything('x_1'), anything('x_2')], nextCursor: null }];
  api.on('GET /api/sessions/sess_1/timeline*', ...timeline).on('GET /api/sessions/sess_1/events*', ...pages).on('GET /api/events*', ...pages)
    .on('GET /api/sessions/sess_1/manifest/input', [200, MANIFEST_INPUT]).on('GET /health/ready', [200, { ready: true, checks: { gateway: true, sessionService: true, runners: 1, notifier: true } }])
    .on('POST /api/sessions/spawn', [201, anything('sess_1')]).on('POST /api/sessions/sess_1/continue', [201, anything('sess_1')])
    .on('GET /api/sessions/sess_1/approvals', [200, { items: [{ ...anything('appr_1'), state: 'open' }], nextCursor: null }])
    .on('GET /api/tasks?*', [200, { items: [anything('task_1'), anything('task_2')], nextCursor: null }])
    .on('GET /api/team-members/tm_1/memory', [200, { items: ['one', 'two'], nextCursor: null }]);
  api.frames = [{ type: 'subscribed', resume: 'ok', cursor: 'l.2' }, { type: 'event', event: event(3, 'metadata', { key: 'k', value: 'v' }) }];
}
