import { createHash } from 'node:crypto';
import { deepFreeze, taskNamed } from '../testing/session-harness.js';
import type { TeamMember } from '../work/team-member.js';
import { buildManifest } from './build-manifest.js';
import { manifestInputFrom } from './manifest-input.js';
import type { ManifestInput } from './manifest.js';

const member: TeamMember = {
  id: 'tm_1', projectId: null, name: 'Ada', role: 'reviewer', identity: 'You are strict.', avatar: '', provider: null, model: null, permissionMode: null,
  capabilities: [], skills: ['TypeScript'], memory: ['Tabs are spaces.'], status: 'active', createdAt: '', updatedAt: '', revision: 1,
};

const input = (fields: Partial<ManifestInput> = {}): ManifestInput => deepFreeze({
  sessionId: 'sess_1',
  project: { id: 'proj_1', name: 'Rocket', workingDir: '/work', description: 'Flies.' },
  tasks: [taskNamed('task_1', { title: 'Fix the nozzle', description: 'It leaks.', acceptanceCriteria: ['No leak', 'Tests pass'], dependencies: ['task_0'] })],
  teamMember: null, parent: null, mode: 'task', providerType: 'demo', model: null, permissionMode: 'ask', workingDir: '/work', systemPrompt: null,
  initialDirective: null, environment: {}, secrets: {}, mcpServers: [], custom: {}, ...fields,
});

describe('the manifest', () => {
  it('is the same bytes for the same input, however its maps were ordered and after a round trip through JSON', () => {
    const one = buildManifest(input({ environment: { B: '2', A: '1' }, custom: { z: { y: 1, x: [{ b: 1, a: 2 }] } } }));
    const other = buildManifest(JSON.parse(JSON.stringify(input({ environment: { A: '1', B: '2' }, custom: { z: { x: [{ a: 2, b: 1 }], y: 1 } } }))));
    expect(other).toEqual(one);
    expect(other.json).toBe(one.json);
    expect(one.hash).toBe(createHash('sha256').update(one.json).digest('hex'));
    expect(JSON.parse(one.json)).toEqual(one.manifest);
    expect(one.json).toContain('"environment": {\n    "A": "1",\n    "B": "2"\n  }');
  });

  it('is another hash for another input', () => {
    const hashes = [input(), input({ initialDirective: 'Go' }), input({ environment: { A: '1' } }), input({ sessionId: 'sess_2' })].map((each) => buildManifest(each).hash);
    expect(new Set(hashes).size).toBe(4);
  });

  it('does not depend on what sessions did with the tasks', () => {
    const worked = input({ tasks: [{ ...input().tasks[0], sessionIds: ['sess_0'], taskSessionStatuses: { sess_0: 'failed' }, revision: 9 }] });
    expect(buildManifest(worked).hash).toBe(buildManifest(input()).hash);
  });

  it('tells the agent its tasks with their acceptance criteria, the directive, and how to report', () => {
    const { prompt } = buildManifest(input({ initialDirective: 'Begin with the seal.' })).manifest;
    for (const part of ['# Project: Rocket', 'Flies.', '## Fix the nozzle', '`task_1`', 'It leaks.', '- No leak', '- Tests pass', '`task_0`', '# Directive\n\nBegin with the seal.', 'orbitmesh report completed "', 'orbitmesh report needs-input "']) {
      expect(prompt).toContain(part);
    }
  });

  it('speaks otherwise to one that talks with a person', () => {
    const task = buildManifest(input()).manifest.prompt;
    const interactive = buildManifest(input({ mode: 'interactive' })).manifest.prompt;
    expect(task).toContain('Nobody reads along');
    expect(interactive).not.toContain('Nobody reads along');
  });

  it('makes the system prompt of the team member and of what the spawn added', () => {
    expect(buildManifest(input()).manifest.systemPrompt).toBe('');
    expect(buildManifest(input({ systemPrompt: 'Be brief.' })).manifest.systemPrompt).toBe('Be brief.');
    expect(buildManifest(input({ teamMember: member, systemPrompt: 'Be brief.' })).manifest.systemPrompt)
      .toBe('You are Ada, reviewer.\n\nYou are strict.\n\nSkills:\n\n- TypeScript\n\nWhat you remember:\n\n- Tabs are spaces.\n\nBe brief.');
  });

  it('carries what the agent is started with', () => {
    const mcpServers = [{ name: 'docs', command: '/bin/docs', args: ['--stdio'], env: { X: '1' } }];
    const { manifest } = buildManifest(input({ model: 'large', permissionMode: 'deny', mcpServers, secrets: { KEY: 'env:KEY' }, custom: { deep: true }, parent: { sessionId: 'sess_0', name: 'Boss' } }));
    expect(manifest).toMatchObject({
      manifestVersion: '1.0', provider: { type: 'demo', model: 'large', permissionMode: 'deny', mcpServers, custom: { deep: true } },
      secrets: { KEY: 'env:KEY' }, parent: { sessionId: 'sess_0', name: 'Boss' },
    });
  });

  it('trusts a repository where the project does, in its own directory and nowhere else, and says nothing of one that is not trusted', () => {
    const trusts = (trustRepository: boolean | undefined, project: string, workingDir?: string) => buildManifest(manifestInputFrom({
      sessionId: 'sess_1', request: { workingDir, initialDirective: 'Go' }, project: { ...input().project, workingDir: project, trustRepository, createdAt: '', updatedAt: '', revision: 1 },
      tasks: [], member: null, parent: null,
    }));
    expect([trusts(true, '/work'), trusts(true, '/work', '/work/sub'), trusts(true, '/')].map(({ manifest }) => manifest.trustRepository)).toEqual([true, true, true]);
    for (const { json } of [trusts(false, '/work'), trusts(undefined, '/work'), trusts(true, '/work', '/works'), trusts(true, '/work', '/srv/other')]) expect(json).not.toContain('trust');
  });

  it('beyond 512 KiB is refused', () => {
    expect(() => buildManifest(input({ systemPrompt: 'x'.repeat(513 * 1024) }))).toThrow(expect.objectContaining({ code: 'MANIFEST_TOO_LARGE' }));
  });
});
