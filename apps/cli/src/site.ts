import { Argument, type Command } from 'commander';
import type { ApiAnswer, ApiClient, CallOptions } from '@orbitmesh/api-client';
import type { Page } from '@orbitmesh/contracts';
import { projectNamed, type Context } from './context.js';
import { printFields, printTable, type Columns, type Fields } from './document-text.js';
import { LIST_ROWS_DEFAULT } from './limits.js';
import { choiceOf, optionOf, whole, type OptionRow } from './options.js';
import { itemsOf, PAGE_ITEMS } from './pages.js';
import { confirm } from './text-input.js';

/** What a command prints with `--json`: one document, or any number of them, one a line. */
export type Prints = 'document' | 'documents';
export interface Call<O = object, A extends readonly unknown[] = string[]> { args: A; options: O }
export type Action<O, A extends readonly unknown[]> = (context: Context, call: Call<O, A>) => Promise<void>;
/** Gives an action its context, with `--json` as it was given anywhere on the line. */
export type Runner = <O, A extends readonly unknown[]>(action: Action<O, A>) => (...given: unknown[]) => Promise<void>;
export type Register = (site: Site) => void;

/** A command's words. */
export interface Words {
  name: string;
  about: string;
  /** As `<task>` or `[task]`, and what it means; a third: which values there are. */
  args?: readonly (readonly [name: string, about: string, choices?: readonly string[]])[];
  options?: readonly OptionRow[];
  prints?: Prints;
  /** More that help says, below. */
  more?: string;
  /** Not for people: help does not show it. */
  hidden?: boolean;
}

interface With<O, A extends readonly unknown[]> { client: ApiClient; context: Context; call: Call<O, A> }

/** A list by its pages, or by its items where it has more than one source. */
type Source<T, O, A extends readonly unknown[]> =
  | { page: (with_: With<O, A>, query: { cursor?: string; limit: number }) => Promise<Page<T>>; items?: undefined }
  | { items: (with_: With<O, A>) => AsyncIterable<T>; page?: undefined };

export type ListWords<T, O, A extends readonly unknown[]> = Partial<Words> & Source<T, O, A> & {
  about: string;
  columns: Columns<T>;
  /** Said when there is nothing. */
  none: string;
  /** What is to be said beside the list. */
  after?: (context: Context, found: readonly T[]) => Promise<void>;
};

export interface ChangeWords<T, O, A extends readonly unknown[]> extends Words {
  /** It takes `--if-match`. */
  revisioned?: boolean;
  send: (with_: With<O, A>, options: CallOptions) => Promise<ApiAnswer<T>>;
  /** @default its id */
  text?: (document: T, context: Context) => string;
}

export interface ShowWords<T, O, A extends readonly unknown[]> extends Partial<Words> {
  about: string;
  get: (with_: With<O, A>) => Promise<T>;
  fields: Fields<T>;
}

export interface DeleteWords extends Partial<Words> {
  about: string;
  args: NonNullable<Words['args']>;
  send: (client: ApiClient, id: string, options: CallOptions) => Promise<unknown>;
}

const printsOfCommand = new WeakMap<Command, Prints>();
/** null: it does nothing but hold other commands. */
export function printsOf(command: Command): Prints | null {
  return printsOfCommand.get(command) ?? null;
}

/** A place in the tree of commands, where more of them are put; the look-alikes are made here. */
export class Site {
  constructor(readonly command: Command, private readonly run: Runner) {}

  /** @param alone what it does without a verb */
  noun(name: string, about: string, alone?: Action<object, string[]>): Site {
    const command = alone ? this.add({ name, about }, alone) : this.command.command(name).description(about).option('--json', 'print JSON, one document a line');
    return new Site(command, this.run);
  }

  add<O = object, A extends readonly unknown[] = string[]>({ name, about, args = [], options = [], prints = 'document', more, hidden = false }: Words, action: Action<O, A>): Command {
    const command = this.command.command(name, { hidden }).description(about);
    for (const [words, text, choices] of args) {
      const argument = new Argument(words, text);
      command.addArgument(choices ? argument.choices(choices).argParser((value: string) => choiceOf(choices, value)) : argument);
    }
    for (const option of options) command.addOption(optionOf(option));
    command.option('--json', prints === 'document' ? 'print JSON: one document, on one line' : 'print JSON: one document a line');
    if (more) command.addHelpText('after', `\n${more}`);
    printsOfCommand.set(command, prints);
    return command.action(this.run<O, A>(async (context, call) => action(context, await withProjectId(context, call, args))));
  }

  /** All of a list, up to `--limit`. */
  list<T, O = object, A extends readonly unknown[] = string[]>(words: ListWords<T, O, A>): Command {
    const { columns, none, after, options = [] } = words;
    const limitOption: OptionRow = ['--limit <n>', `at most so many (default ${LIST_ROWS_DEFAULT})`, whole];
    return this.add<O & { limit?: number }, A>({ name: 'list', prints: 'documents', ...words, options: [...options, limitOption] }, async (context, call) => {
      const { limit = LIST_ROWS_DEFAULT } = call.options;
      const with_ = { client: await context.client(), context, call };
      const found: T[] = [];
      for await (const item of words.items ? words.items(with_) : itemsOf((cursor) => words.page(with_, { cursor, limit: Math.min(PAGE_ITEMS, limit + 1) }))) {
        if (found.push(item) > limit) break;
      }
      printTable(context.printer, found.slice(0, limit), columns, none);
      if (found.length > limit) context.printer.note(`… and more than these ${limit}; see --limit`);
      await after?.(context, found);
    });
  }

  show<T, O = object, A extends readonly unknown[] = string[]>({ get, fields, ...words }: ShowWords<T, O, A>): Command {
    return this.add<O, A>({ name: 'show', ...words }, async (context, call) => {
      printFields(context.printer, await get({ client: await context.client(), context, call }), fields);
    });
  }

  /** One mutation, whose answer is the document. */
  change<T, O = object, A extends readonly unknown[] = string[]>({ send, text, revisioned, options = [], ...words }: ChangeWords<T, O, A>): Command {
    return this.add<O & CallFlags, A>({ ...words, options: [...options, ...callOptions(revisioned)] }, async (context, call) => {
      const { body } = await send({ client: await context.client(), context, call }, callOptionsOf(call.options));
      context.printer.result(body, () => text?.(body, context) ?? (body as { id: string }).id);
    });
  }

  remove({ send, options = [], ...words }: DeleteWords): Command {
    const yes: OptionRow = ['-y, --yes', 'do not ask (it asks on a terminal only)'];
    return this.add<CallFlags & { yes?: boolean }, [id: string]>({ name: 'delete', ...words, options: [...options, yes, ...callOptions(true)] }, async (context, call) => {
      const [id] = call.args;
      await confirm(context, `Delete ${id}?`, call.options);
      await send(await context.client(), id, callOptionsOf(call.options));
      context.printer.result({ id, deleted: true }, () => `${id}: deleted`);
    });
  }
}

/** A `--project`, and an argument `<project>`, may be the name that a person gave it. */
async function withProjectId<O, A extends readonly unknown[]>(context: Context, { args, options }: Call<O, A>, words: NonNullable<Words['args']>): Promise<Call<O, A>> {
  const idOf = (one: unknown): unknown => (typeof one === 'string' ? projectNamed(context, one) : one);
  const { project } = options as { project?: unknown };
  return {
    args: await Promise.all(args.map((one, n) => (words[n]?.[0] === '<project>' ? idOf(one) : one))) as unknown as A,
    options: project === undefined ? options : { ...options, project: await idOf(project) },
  };
}

interface CallFlags { idempotencyKey?: string; ifMatch?: number }

function callOptions(revisioned: boolean | undefined): OptionRow[] {
  return [
    ...(revisioned ? [['--if-match <revision>', 'only if it still has this revision', whole] as const] : []),
    ['--idempotency-key <key>', 'a repeated call with the same key changes nothing more'],
  ];
}

function callOptionsOf({ idempotencyKey, ifMatch }: CallFlags): CallOptions {
  return { idempotencyKey, ifMatch };
}
