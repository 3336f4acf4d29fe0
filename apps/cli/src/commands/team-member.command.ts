import { PERMISSION_MODES, type PermissionMode, type RunnerLabels, type TeamMember } from '@orbitmesh/domain';
import { projectOf, type Context } from '../context.js';
import { labelsText, timeText, type Columns, type Fields } from '../document-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { append, appendOrNone, NONE, orNull, pairOrNone, type OptionRow, type Parse } from '../options.js';
import type { Register, Site } from '../site.js';
import { textOf } from '../text-input.js';
import { given } from './project.command.js';

const COLUMNS: Columns<TeamMember> = [
  ['MEMBER', (one) => one.id], ['OF', (one) => one.projectId ?? 'all projects'], ['STATUS', (one) => one.status], ['PROVIDER', (one) => one.provider], ['NAME', (one) => (one.role ? `${one.name}, ${one.role}` : one.name)],
];
const FIELDS: Fields<TeamMember> = [
  ['member', (one) => one.id], ['name', (one) => one.name], ['role', (one) => one.role], ['of', (one) => one.projectId ?? 'all projects'], ['status', (one) => one.status], ['identity', (one) => one.identity],
  ['avatar', (one) => one.avatar], ['provider', (one) => one.provider], ['model', (one) => one.model], ['permission', (one) => one.permissionMode], ['runner labels', (one) => one.runnerLabels && labelsText(one.runnerLabels)],
  ['may', (one) => one.capabilities], ['skills', (one) => one.skills], ['remembers', (one) => one.memory], ['created', (one) => timeText(one.createdAt)], ['updated', (one) => timeText(one.updatedAt)], ['revision', (one) => one.revision],
];
const MEMBER = [['<member>', 'its id']] as const;

interface MemberOptions {
  project?: string; name?: string; role?: string; identity?: string; avatar?: string; provider?: string; model?: string; permissionMode?: PermissionMode | typeof NONE;
  runnerLabel?: RunnerLabels; capability?: string[]; skill?: string[]; memory?: string[];
}
/** What a member is made with and what can change of it are the same but for `none`. */
const fieldOptions = (list: Parse, modes: readonly string[], none: (text: string) => string): OptionRow[] => [
  ['--role <role>', 'what it is, in a word or two'],
  ['--identity <text>', 'who it is and how it works; - reads it from stdin'],
  ['--avatar <avatar>', 'an emoji, a name or a URL'],
  ['--provider <provider>', none('the provider it works with')],
  ['--model <model>', none('its model')],
  ['--permission-mode <mode>', none('what happens when it asks for permission'), modes],
  ['--runner-label <NAME=value>', none('its sessions go only to runners with this label; may be repeated'), pairOrNone],
  ['--capability <capability>', none('what it may do, e.g. spawn: its agents may start sessions; may be repeated'), list],
  ['--skill <skill>', none('what it is good at; may be repeated'), list],
];
const keep = (text: string) => text;
const orEmpty = (text: string) => `${text}; none: no longer`;

export const registerTeamMember: Register = (program) => {
  const member = program.noun('team-member', 'who does the work: a name, a role, skills and a memory, of one project or of all');
  member.change<TeamMember, MemberOptions>({
    name: 'create', about: 'make a team member; prints its id', args: [['<name>', 'what to call it']],
    options: [['-p, --project <project>', 'of this project alone (default: of all)'], ...fieldOptions(append, PERMISSION_MODES, keep), ['--memory <text>', 'what it remembers; may be repeated', append]],
    send: async ({ client, context, call: { args: [name], options } }, how) => client.createTeamMember({ projectId: options.project, name, ...await bodyOf(context, options), memory: options.memory }, how),
  });
  member.list<TeamMember, { project?: string; status?: TeamMember['status']; scope?: 'all' | 'project' | 'global' }>({
    about: 'list the team members',
    options: [
      ['-p, --project <project>', 'those of this project and those of all (default in a session: its own)'],
      ['--status <status>', 'only with this status', ['active', 'archived']], ['--scope <scope>', 'only those of the project, or only those of all projects', ['all', 'project', 'global']],
    ],
    page: ({ client, context, call: { options: { project, status, scope } } }, query) => client.teamMembers({ projectId: projectOf(context, project), status, scope, ...query }),
    columns: COLUMNS, none: 'No team member.',
  });
  member.show<TeamMember>({ about: 'show one team member', args: MEMBER, get: ({ client, call }) => client.teamMember(call.args[0]), fields: FIELDS });
  member.change<TeamMember, MemberOptions>({
    name: 'update', about: 'change what is given, and nothing else; sessions that run keep what they were started with', args: MEMBER, revisioned: true,
    options: [['--name <name>', 'what to call it'], ...fieldOptions(appendOrNone, [...PERMISSION_MODES, NONE], orEmpty)],
    send: async ({ client, context, call: { args: [id], options } }, how) => client.updateTeamMember(id, given({ name: options.name, ...await bodyOf(context, options) }), how),
    text: (one) => `${one.id}: revision ${one.revision}`,
  });
  member.remove({ about: 'delete a team member; tasks that name it name nobody then', args: MEMBER, send: (client, id, how) => client.deleteTeamMember(id, how) });
  for (const [name, about] of [['archive', 'take a team member out of use; everything stays'], ['unarchive', 'take it into use again']] as const) {
    member.change<TeamMember>({
      name, about, args: MEMBER, text: (one) => `${one.id}: ${one.status}`,
      send: ({ client, call: { args: [id] } }, how) => (name === 'archive' ? client.archiveTeamMember(id, how) : client.unarchiveTeamMember(id, how)),
    });
  }
  addMemory(member);
};

function addMemory(member: Site): void {
  const memory = member.noun('memory', 'what a team member remembers, for its every session');
  memory.list<string>({ about: 'list what it remembers', args: MEMBER, page: ({ client, call }) => client.memory(call.args[0]), columns: [['MEMORY', (one) => one]], none: 'It remembers nothing.' });
  memory.change<TeamMember>({
    name: 'add', about: 'let it remember one thing more', args: [...MEMBER, ['<text>', 'what; - reads it from stdin']],
    send: async ({ client, context, call: { args: [id, text] } }, how) => client.addMemory(id, await textOf(context, text), how), text: remembers,
  });
  memory.change<TeamMember, object, [member: string, texts: string[]]>({
    name: 'set', about: 'let it remember exactly this', args: [...MEMBER, ['<text...>', 'all that it is to remember; - reads it from stdin, one a line; none: nothing']], revisioned: true,
    send: async ({ client, context, call: { args: [id, texts] } }, how) => client.replaceMemory(id, await memoryOf(context, texts), how), text: remembers,
  });
}

async function memoryOf(context: Context, texts: readonly string[]): Promise<string[]> {
  if (texts.length > 1 && (texts.includes(NONE) || texts.includes('-'))) throw new CliError(EXIT.usage, '- and none stand alone.');
  if (texts[0] === NONE) return [];
  return texts[0] === '-' ? (await textOf(context, '-')).split('\n').filter((line) => line.trim() !== '') : [...texts];
}

function remembers({ id, memory }: TeamMember): string {
  return `${id}: remembers ${memory.length} thing${memory.length === 1 ? '' : 's'}`;
}

async function bodyOf(context: Context, { role, identity, avatar, provider, model, permissionMode, runnerLabel, capability, skill }: MemberOptions) {
  return { role, identity: await textOf(context, identity), avatar, provider: orNull(provider), model: orNull(model), permissionMode: orNull(permissionMode) as PermissionMode | null | undefined, runnerLabels: runnerLabel && Object.keys(runnerLabel).length === 0 ? null : runnerLabel, capabilities: capability, skills: skill };
}
