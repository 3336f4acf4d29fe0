import type { Candidates, CompletionNode } from './completion-tree.js';

export function fishScript(nodes: readonly CompletionNode[]): string {
  const valued = nodes.flatMap(({ path, options }) => options.flatMap(({ flags, value }) => (value === undefined ? [] : flags.map((flag) => quote(`${path} ${flag}`)))));
  return `# fish completion of orbitmesh. Once: orbitmesh completion fish > ~/.config/fish/completions/orbitmesh.fish
set -g __orbitmesh_paths ${nodes.filter(({ path }) => path !== '').map(({ path }) => quote(path)).join(' ')}
set -g __orbitmesh_valued ${valued.join(' ')}
# The command that stands there, and how many arguments follow it.
function __orbitmesh_place
    set -l path ''
    set -l n 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- "$path $word" $__orbitmesh_valued; and set skip 1
        else if test $n = 0; and contains -- (string trim -- "$path $word") $__orbitmesh_paths
            set path (string trim -- "$path $word")
        else
            set n (math $n + 1)
        end
    end
    echo $path
    echo $n
end
function __orbitmesh_at
    set -l place (__orbitmesh_place)
    test "$place[1]" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $place[2] -ge $argv[2] -a $place[2] -le $argv[3]
end
function __orbitmesh_ids
    set -l program (commandline -opc)[1]
    $program __complete $argv[1] 2>/dev/null
end
complete -c orbitmesh -e
complete -c orbitmesh -f
${nodes.flatMap(nodeLines).join('\n')}
`;
}

function nodeLines({ path, commands, options, args, variadic }: CompletionNode): string[] {
  const at = (from?: number, to = from) => `complete -c orbitmesh -n ${quote(`__orbitmesh_at ${quote(path)}${from === undefined ? '' : ` ${from} ${to}`}`)}`;
  return [
    ...commands.map(({ name, about }) => `${at(0)} -a ${quote(name)} -d ${quote(about)}`),
    ...options.map(({ flags, about, value }) => `${at()} ${flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')}${value === undefined ? '' : ` ${value && 'file' in value ? '-r -F' : '-x'}${argument(value)}`} -d ${quote(about)}`),
    ...args.flatMap((one, n) => {
      const text = one && 'file' in one ? ' -F' : argument(one);
      return text === '' ? [] : [`${at(n, variadic && n === args.length - 1 ? 99 : n)}${text}`];
    }),
  ];
}

function argument(candidates: Candidates): string {
  if (candidates === null || 'file' in candidates) return '';
  return ` -a ${quote('words' in candidates ? candidates.words.join(' ') : `(__orbitmesh_ids ${candidates.ids})`)}`;
}

/** For fish: within single quotes only these two mean something. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
