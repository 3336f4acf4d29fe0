import type { Command } from 'commander';

/** What may stand at a place: words, ids of a kind, a file, or anything. */
export type Candidates = { words: readonly string[] } | { ids: IdKind } | { file: true } | null;
export const ID_KINDS = ['project', 'task', 'member', 'session', 'mail', 'notification', 'webhook', 'token', 'provider'] as const;
export type IdKind = (typeof ID_KINDS)[number];

export interface CompletionOption { flags: readonly string[]; about: string; /** undefined: it takes no value. */ value: Candidates | undefined }

/** A command as its words can be completed; everything the scripts know. */
export interface CompletionNode {
  /** Its words, without the program's own name. */
  path: string;
  commands: readonly { name: string; about: string }[];
  options: readonly CompletionOption[];
  args: readonly Candidates[];
  /** The last argument may be repeated. */
  variadic: boolean;
}

/** The program and every command below it that help shows. */
export function completionTree(program: Command): CompletionNode[] {
  return nodesOf(program, '');
}

function nodesOf(command: Command, path: string): CompletionNode[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const args = command.registeredArguments;
  const node: CompletionNode = {
    path,
    commands: commands.map((one) => ({ name: one.name(), about: one.description() })),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag): flag is string => flag !== undefined && flag !== null), about: option.description,
      value: option.required || option.optional ? candidatesOf(/[<[]([^>\]]+)/.exec(option.flags)?.[1] ?? '', option.argChoices) : undefined,
    })),
    args: args.map((argument) => candidatesOf(argument.name(), argument.argChoices)),
    variadic: args.at(-1)?.variadic ?? false,
  };
  // `help` takes what stands beside it.
  return [node, ...commands.filter((one) => one.name() !== 'help').flatMap((one) => nodesOf(one, path === '' ? one.name() : `${path} ${one.name()}`))];
}

/** By what a command calls the place: `<session>` is completed with sessions. */
function candidatesOf(name: string, choices: readonly string[] | undefined): Candidates {
  if (choices) return { words: choices };
  const kind = name === 'thread' ? 'mail' : ID_KINDS.find((one) => one === name);
  if (kind) return { ids: kind };
  return name === 'path' || name === 'file' ? { file: true } : null;
}
