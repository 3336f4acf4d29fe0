import { resolve } from 'node:path';
import type { Project, RunnerLabels } from '@orbitmesh/domain';
import { CliError, EXIT } from '../exit-code.js';
import { labelsText, timeText, type Columns, type Fields } from '../document-text.js';
import { PROJECT_SESSIONS_MAX } from '../limits.js';
import { betweenOrNone, orNull, pairOrNone, type NONE, type OptionRow } from '../options.js';
import type { Register } from '../site.js';
import { textOf } from '../text-input.js';

const COLUMNS: Columns<Project> = [['PROJECT', (one) => one.id], ['DIRECTORY', (one) => one.workingDir], ['NAME', (one) => one.name]];
const FIELDS: Fields<Project> = [
  ['project', (one) => one.id], ['name', (one) => one.name], ['directory', (one) => one.workingDir], ['description', (one) => one.description],
  ['trusts the repository', (one) => (one.trustRepository ? 'yes' : 'no')],
  ['runner labels', (one) => labelsText(one.runnerLabels)], ['sessions at once', (one) => one.maxSessions], ['created', (one) => timeText(one.createdAt)], ['updated', (one) => timeText(one.updatedAt)], ['revision', (one) => one.revision],
];
const DESCRIPTION: OptionRow = ['--description <text>', 'what it is about; - reads it from stdin'];
const PROJECT = [['<project>', 'its id, or its name']] as const;

const TRUST: OptionRow = ['--trust-repository <yes|no>', "whether its repository's own hooks, settings and servers may run (default: no)", ['yes', 'no']];

const PLACEMENT: readonly OptionRow[] = [
  ['--runner-label <NAME=value>', 'its sessions go only to runners with this label; may be repeated; none: to any', pairOrNone],
  ['--max-sessions <n>', 'so many of its sessions have a runner at once, the others wait; none: as many as come', betweenOrNone(1, PROJECT_SESSIONS_MAX)],
];

interface ProjectOptions {
  name?: string; dir?: string; description?: string; trustRepository?: 'yes' | 'no'; runnerLabel?: RunnerLabels; maxSessions?: number | typeof NONE;
}

export const registerProject: Register = (program) => {
  const project = program.noun('project', 'a name and a directory that agents work in');
  project.change<Project, ProjectOptions>({
    name: 'create', about: 'make a project; prints its id', args: [['<name>', 'what to call it']],
    options: [['-d, --dir <path>', 'where its agents work (default: this directory)'], DESCRIPTION, TRUST, ...PLACEMENT],
    send: async ({ client, context, call: { args: [name], options } }, how) => client.createProject({
      name, workingDir: resolve(context.terminal.cwd, options.dir ?? '.'), description: await textOf(context, options.description), trustRepository: trustOf(options), ...placementOf(options),
    }, how),
  });
  project.list<Project>({ about: 'list the projects', page: ({ client }, query) => client.projects(query), columns: COLUMNS, none: 'No project.' });
  project.show<Project>({ about: 'show one project', args: PROJECT, get: ({ client, call }) => client.project(call.args[0]), fields: FIELDS });
  project.change<Project, ProjectOptions>({
    name: 'update', about: 'change what is given, and nothing else', args: PROJECT, revisioned: true,
    options: [['--name <name>', 'what to call it'], ['-d, --dir <path>', 'where its agents work from now on'], DESCRIPTION, TRUST, ...PLACEMENT],
    send: async ({ client, context, call: { args: [id], options } }, how) => client.updateProject(id, given({
      name: options.name, workingDir: options.dir === undefined ? undefined : resolve(context.terminal.cwd, options.dir), description: await textOf(context, options.description), trustRepository: trustOf(options),
      ...placementOf(options),
    }), how),
    text: (one) => `${one.id}: revision ${one.revision}`,
  });
  project.remove({ about: 'delete a project that has no tasks, sessions and members any more', args: PROJECT, send: (client, id, how) => client.deleteProject(id, how) });
};

function trustOf({ trustRepository }: ProjectOptions): boolean | undefined {
  return trustRepository && trustRepository === 'yes';
}

function placementOf({ runnerLabel, maxSessions }: ProjectOptions) {
  return { runnerLabels: runnerLabel, maxSessions: orNull(maxSessions) };
}

/** Of an update, that something is to change. @throws CliError */
export function given<T extends object>(changes: T): T {
  if (Object.values(changes).every((value) => value === undefined)) throw new CliError(EXIT.usage, 'Say what is to change.');
  return changes;
}
