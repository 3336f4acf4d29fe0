import type { Candidates, CompletionNode } from './completion-tree.js';

/**
 * The tree as functions that bash and zsh read alike; each prints a line a candidate, `word<TAB>what it is`.
 * What a value or an argument may be is one word: `@session` ids, `/` a file, `=a b` one of these, `-` anything.
 */
export function posixTable(nodes: readonly CompletionNode[]): string {
  return [
    table('_orbitmesh_commands', nodes.map(({ path, commands }) => [path, lines(commands.map(({ name, about }) => [name, about] as const))])),
    table('_orbitmesh_options', nodes.map(({ path, options }) => [path, lines(options.flatMap(({ flags, about }) => flags.map((flag) => [flag, about] as const)))])),
    table('_orbitmesh_value', nodes.flatMap(({ path, options }) => options.flatMap(({ flags, value }) => (
      value === undefined ? [] : flags.map((flag): [string, string] => [`${path} ${flag}`, `printf '%s\\n' ${quote(word(value))}`]))))),
    table('_orbitmesh_argument', nodes.flatMap(({ path, args, variadic }) => args.map((one, n): [string, string] => [
      `${path} ${n}`, `printf '%s\\n' ${quote(`${variadic && n === args.length - 1 ? '+' : ''}${word(one)}`)}`]))),
  ].join('\n');
}

function word(candidates: Candidates): string {
  if (candidates === null) return '-';
  if ('words' in candidates) return `=${candidates.words.join(' ')}`;
  return 'ids' in candidates ? `@${candidates.ids}` : '/';
}

function table(name: string, rows: readonly (readonly [key: string, body: string])[]): string {
  return [`${name}() {`, '  case "$1" in', ...rows.filter(([, body]) => body !== '').map(([key, body]) => `    ${quote(key)}) ${body} ;;`), '    *) return 1 ;;', '  esac', '}'].join('\n');
}

function lines(words: readonly (readonly [word: string, about: string])[]): string {
  return words.length === 0 ? '' : `printf '%s\\t%s\\n' ${words.flatMap(([one, about]) => [quote(one), quote(about)]).join(' ')}`;
}

/** For sh: nothing in it means anything. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
