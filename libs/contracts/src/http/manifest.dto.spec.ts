import { buildManifest, type ManifestInput, type Task } from '@orbitmesh/domain';
import { describe, expect, it } from '@jest/globals';
import { parseManifest } from './manifest.dto.js';

const task: Task = {
  id: 'task_1', projectId: 'proj_1', parentId: null, title: 'Fix it', description: '', acceptanceCriteria: ['It works'], status: 'todo', priority: 'high', dependencies: ['task_0'], sessionIds: [],
  taskSessionStatuses: {}, teamMemberId: null, dueDate: null, startedAt: null, completedAt: null, createdAt: '', updatedAt: '', revision: 1,
};
const member = {
  id: 'tm_1', projectId: null, name: 'Ada', role: '', identity: '', avatar: '', provider: null, model: null, permissionMode: null, capabilities: [], skills: ['TypeScript'], memory: [], status: 'active' as const,
  createdAt: '', updatedAt: '', revision: 1,
};
const input = (fields: Partial<ManifestInput> = {}): ManifestInput => ({
  sessionId: 'sess_1', project: { id: 'proj_1', name: 'P', workingDir: '/work', description: '' }, tasks: [task], teamMember: null, parent: null, mode: 'task', providerType: 'demo', model: null,
  permissionMode: 'ask', workingDir: '/work', systemPrompt: null, initialDirective: null, environment: {}, secrets: {}, mcpServers: [], custom: {}, ...fields,
});
const full = input({
  teamMember: member, parent: { sessionId: 'sess_0', name: 'Boss' }, continues: { sessionId: 'sess_9', name: 'Before' }, mode: 'interactive', model: 'large', systemPrompt: 'Be brief.', initialDirective: 'Go.',
  environment: { A: '1' }, secrets: { KEY: 'env:KEY' }, mcpServers: [{ name: 'docs', command: '/bin/docs', args: ['-x'], env: { B: '2' } }], custom: { deep: { er: [1] } },
});
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
/** The full manifest with one thing changed. */
const with_ = (path: readonly (string | number)[], value: unknown): unknown => {
  const whole = JSON.parse(buildManifest(full).json) as Record<string | number, unknown>;
  let at = whole;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  const last = path[path.length - 1];
  if (value === undefined) delete at[last];
  else at[last] = value;
  return whole;
};

describe('a manifest that is read', () => {
  it.each([['the smallest', input()], ['one with everything', full]])('is one that was built: %s', (_name, from) => {
    const { json, manifest } = buildManifest(from);
    expect(parseManifest(bytes(json))).toEqual(manifest);
  });

  it('has every field, and no other', () => {
    const top = Object.keys(buildManifest(full).manifest).map((key) => [key]);
    const nested = [['tasks', 0, 'title'], ['tasks', 0, 'dependencies'], ['teamMember', 'memory'], ['provider', 'model'], ['provider', 'mcpServers', 0, 'env'], ['parent', 'name']];
    for (const path of [...top, ...nested]) {
      const pointer = `/${path.join('/')}`;
      expect(() => parseManifest(bytes(with_(path, undefined)))).toThrow(expect.objectContaining({ details: { errors: [expect.objectContaining({ pointer })] } }));
      const beside = [...path.slice(0, -1), 'beside'];
      expect(() => parseManifest(bytes(with_(beside, 1)))).toThrow(expect.objectContaining({ details: { errors: [{ in: 'body', pointer: `/${beside.join('/')}`, detail: 'is not a known field' }] } }));
    }
  });

  it.each<[(string | number)[], unknown]>([
    [['manifestVersion'], '1.1'], [['manifestVersion'], 1], [['sessionId'], '../x'], [['mode'], 'fast'], [['prompt'], ''], [['prompt'], null], [['systemPrompt'], null], [['tasks'], {}], [['tasks', 0], 'task_1'],
    [['tasks', 0, 'priority'], 'urgent'], [['tasks', 0, 'acceptanceCriteria'], [1]], [['teamMember'], []], [['provider'], null], [['provider', 'permissionMode'], null], [['workingDir'], 'work'],
    [['environment', 'API_KEY'], 'x'], [['environment', 'A'], 1], [['secrets', 'KEY'], 'hunter2'], [['initialDirective'], ''], [['parent'], 'sess_0'], [['provider', 'custom'], []],
  ])('is refused, with a pointer: %j %j', (path, value) => {
    const wrong = with_(path, value);
    expect(() => parseManifest(bytes(wrong))).toThrow(expect.objectContaining({ details: { errors: [expect.objectContaining({ pointer: expect.stringContaining(`/${path[0]}`) })] } }));
  });

  it.each([['no JSON', '{'], ['two of a key', '{"mode":"task","mode":"task"}'], ['a list', '[]'], ['nothing', ''], ['too much', `"${'x'.repeat(513 * 1024)}"`]])('is refused when it is %s', (_name, text) => {
    expect(() => parseManifest(bytes(text))).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});
