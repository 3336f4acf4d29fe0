import { FakeContext, SessionHarness, deepFreeze, taskNamed } from '../testing/session-harness.js';
import { jsonBytes } from '../kernel/text.js';
import { MEMBER_BYTES_MAX, MEMBER_MEMORY_MAX } from '../limits.js';
import { addMemory, archiveTeamMember, createTeamMember, deleteTeamMember, updateTeamMember, type NewTeamMember } from './team-member-commands.js';
import type { TeamMember } from './team-member.js';

const member = (body: Partial<NewTeamMember> = {}): TeamMember => deepFreeze(createTeamMember({ name: 'Ada', ...body }, new FakeContext()).doc);
const later = () => new FakeContext().advance(1_000);

describe('a team member', () => {
  it('has its defaults, and is global unless a project is named', () => {
    const ctx = new FakeContext();
    const { doc, events } = createTeamMember({ name: 'Ada' }, ctx);
    expect(doc).toEqual({
      id: 'tm_1', projectId: null, name: 'Ada', role: '', identity: '', avatar: '', provider: null, model: null, permissionMode: null,
      runnerLabels: null, capabilities: [], skills: [], memory: [], status: 'active', createdAt: ctx.now, updatedAt: ctx.now, revision: 1,
    });
    expect(events).toEqual([{ type: 'team_member:created', timestamp: ctx.now, data: doc }]);
    const of = createTeamMember({ name: 'Ada', projectId: 'proj_1', capabilities: ['spawn'], memory: ['tea'] }, ctx);
    expect(of.doc).toMatchObject({ projectId: 'proj_1', capabilities: ['spawn'], memory: ['tea'] });
    expect(of.events).toEqual([{ type: 'team_member:created', timestamp: ctx.now, projectId: 'proj_1', data: of.doc }]);
  });

  it('is updated in what is named, an event and a revision each, and in nothing by an update that names nothing', () => {
    const ada = member({ projectId: 'proj_1', provider: 'demo', memory: ['tea'] });
    const ctx = later();
    const { doc, events } = updateTeamMember(ada, { role: 'Reviewer', provider: null, name: undefined }, ctx);
    expect(doc).toEqual({ ...ada, role: 'Reviewer', provider: null, updatedAt: ctx.now, revision: 2 });
    expect(events).toEqual([{ type: 'team_member:updated', timestamp: ctx.now, projectId: 'proj_1', data: doc }]);
    expect(updateTeamMember(ada, { name: undefined }, ctx)).toEqual({ doc: ada, events: [] });
    expect(updateTeamMember(ada, {}, ctx).doc).toBe(ada);
  });

  it('keeps its project, whatever an update says', () => {
    expect(updateTeamMember(member(), { projectId: 'proj_2' } as object, later())).toEqual({ doc: member(), events: [] });
  });

  it('is archived and taken back once; a second time changes nothing', () => {
    const ada = member();
    const archived = archiveTeamMember(ada, true, later());
    expect(archived.doc).toMatchObject({ status: 'archived', revision: 2 });
    expect(archived.events.map(({ type, data }) => [type, (data as TeamMember).status])).toEqual([['team_member:updated', 'archived']]);
    expect(archiveTeamMember(archived.doc, true, later())).toEqual({ doc: archived.doc, events: [] });
    expect(archiveTeamMember(archived.doc, false, later()).doc).toMatchObject({ status: 'active', revision: 3 });
    expect(archiveTeamMember(ada, false, later())).toEqual({ doc: ada, events: [] });
  });

  it('remembers in order, and the same thing as often as it is told', () => {
    const one = addMemory(member({ memory: ['tea'] }), 'coffee', later());
    const two = addMemory(deepFreeze(one.doc), 'coffee', later());
    expect(two.doc).toMatchObject({ memory: ['tea', 'coffee', 'coffee'], revision: 3 });
    expect(two.events).toMatchObject([{ type: 'team_member:updated', data: { memory: ['tea', 'coffee', 'coffee'] } }]);
  });

  it('remembers no more than the bound, and a shorter memory makes room again', () => {
    const full = member({ memory: Array.from({ length: MEMBER_MEMORY_MAX }, (_, n) => `${n}`) });
    expect(() => addMemory(full, 'one more', later())).toThrow(expect.objectContaining({ code: 'LIMIT_REACHED', details: { teamMemberId: 'tm_1', max: MEMBER_MEMORY_MAX } }));
    const shorter = updateTeamMember(full, { memory: ['all of it, in short'] }, later()).doc;
    expect(addMemory(shorter, 'one more', later()).doc.memory).toEqual(['all of it, in short', 'one more']);
  });

  it('too large to keep is refused, however it would become so', () => {
    const large = 'x'.repeat(MEMBER_BYTES_MAX);
    const tooLarge = expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' });
    expect(() => member({ identity: large })).toThrow(tooLarge);
    expect(() => updateTeamMember(member(), { skills: [large] }, later())).toThrow(tooLarge);
    expect(() => addMemory(member(), large, later())).toThrow(tooLarge);
  });

  it('as large as it may be still starts sessions, of the longest name in the longest directory', () => {
    const identity = '"'.repeat(Math.floor((MEMBER_BYTES_MAX - jsonBytes(member())) / 2));
    const teamMember = member({ identity });
    expect(jsonBytes(teamMember)).toBeGreaterThan(MEMBER_BYTES_MAX - 3);
    expect(() => addMemory(teamMember, 'x', later())).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE', details: { bytes: expect.any(Number), max: MEMBER_BYTES_MAX } }));
    const id = (n: number) => `task_${n}`.padEnd(64, 'x');
    const tasks = Array.from({ length: 20 }, (_, n) => taskNamed(id(n)));
    const { session } = new SessionHarness({ teamMember, name: '"'.repeat(200), workingDir: `/${'é'.repeat(2_047)}`, model: '"'.repeat(200), providerType: 'p'.repeat(64) }, tasks);
    expect(session.teamMember).toEqual(teamMember);
  });
});

describe('deleting a team member', () => {
  const mine = ['task_1', 'task_2'].map((id) => taskNamed(id, { teamMemberId: 'tm_1', status: 'in_progress' }));

  it('makes its tasks nobody\'s, an update each, then says that it is gone', () => {
    const ctx = later();
    const { tasks, events } = deleteTeamMember(member({ projectId: 'proj_1' }), deepFreeze(mine), ctx);
    expect(tasks).toEqual(mine.map((task) => ({ ...task, teamMemberId: null, updatedAt: ctx.now, revision: 2 })));
    expect(events).toEqual([
      ...tasks.map((task) => ({ type: 'task:updated', timestamp: ctx.now, projectId: 'proj_1', taskId: task.id, data: task })),
      { type: 'team_member:deleted', timestamp: ctx.now, projectId: 'proj_1', data: { id: 'tm_1', projectId: 'proj_1' } },
    ]);
  });

  it('of no project is told without one', () => {
    const ctx = later();
    expect(deleteTeamMember(member(), [], ctx)).toEqual({
      tasks: [], events: [{ type: 'team_member:deleted', timestamp: ctx.now, data: { id: 'tm_1', projectId: null } }],
    });
  });
});
