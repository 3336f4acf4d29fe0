import { ORDERED_ENTITIES, type OrderedEntity, type Ordering } from '@orbitmesh/domain';
import { projectNeeded } from '../context.js';
import { timeText, type Fields } from '../document-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { NONE, type OptionRow } from '../options.js';
import type { Register } from '../site.js';

const FIELDS: Fields<Ordering> = [
  ['ordering', (one) => `${one.entityType}s of ${one.projectId}`], ['placed', (one) => (one.ids.length > 0 ? one.ids.join('\n') : 'nothing')], ['updated', (one) => timeText(one.updatedAt)], ['revision', (one) => one.revision],
];
const WHAT = ['<what>', 'task or session', ORDERED_ENTITIES] as const;
const PROJECT: OptionRow = ['-p, --project <project>', 'of this project (default in a session: its own)'];

interface OrderingOptions { project?: string; before?: string; after?: string }

export const registerOrdering: Register = (program) => {
  const ordering = program.noun('ordering', "the order of a project's tasks or sessions: those that somebody placed, all others follow as they were made");
  ordering.show<Ordering, OrderingOptions, [OrderedEntity]>({
    about: 'show what is placed', args: [WHAT], options: [PROJECT],
    get: ({ client, context, call: { args: [what], options } }) => client.ordering(what, projectNeeded(context, options.project)), fields: FIELDS,
  });
  ordering.change<Ordering, OrderingOptions, [OrderedEntity, string[]]>({
    name: 'set', about: 'place exactly these, in this order', args: [WHAT, ['<id...>', 'first to last; none: nothing is placed any more']], options: [PROJECT], revisioned: true,
    send: ({ client, context, call: { args: [what, ids], options } }, how) => client.replaceOrdering(what, projectNeeded(context, options.project), ids[0] === NONE ? [] : ids, how), text: placed,
  });
  ordering.change<Ordering, OrderingOptions, [OrderedEntity, string]>({
    name: 'move', about: 'place one before or after another', args: [WHAT, ['<id>', 'which one']], options: [PROJECT, ['--before <id>', 'right before this one'], ['--after <id>', 'right after this one']], revisioned: true,
    send: ({ client, context, call: { args: [what, id], options: { project, before, after } } }, how) => {
      if ((before === undefined) === (after === undefined)) throw new CliError(EXIT.usage, 'Either --before or --after.');
      return client.moveInOrdering(what, projectNeeded(context, project), { id, before, after }, how);
    }, text: placed,
  });
};

function placed({ ids, revision }: Ordering): string {
  return `${ids.length} placed, revision ${revision}`;
}
