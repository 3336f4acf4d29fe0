import type { CompletionNode } from './completion-tree.js';
import { posixTable } from './posix-table.js';

export function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef orbitmesh
# zsh completion of orbitmesh. In ~/.zshrc, after compinit: eval "$(orbitmesh completion zsh)"
${posixTable(nodes)}
_orbitmesh_offer() {
  local -a offered
  local line
  while IFS= read -r line; do
    [[ -n $line ]] && offered+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( \${#offered} )) && _describe -t "$1" "$1" offered
}
_orbitmesh_complete_as() {
  case "$1" in
    '='*) compadd -- \${=1#=} ;;
    @*) "\${words[1]}" __complete "\${1#@}" 2>/dev/null | _orbitmesh_offer "\${1#@}" ;;
    /) _files ;;
  esac
}
_orbitmesh() {
  local cmd='' last='' what word
  integer n=0 i
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ $word == -* ]]; then
      if _orbitmesh_value "$cmd $word" >/dev/null; then
        (( ++i == CURRENT )) && last="$word"
      fi
    elif (( n == 0 )) && _orbitmesh_commands "$cmd" 2>/dev/null | grep -q "^$word"$'\\t'; then
      cmd="\${cmd:+$cmd }$word"
    else
      (( n++ ))
    fi
  done
  if [[ -n $last ]]; then
    _orbitmesh_complete_as "$(_orbitmesh_value "$cmd $last")"
    return
  fi
  if [[ \${words[CURRENT]} == -* ]]; then
    _orbitmesh_options "$cmd" | _orbitmesh_offer option
    return
  fi
  if _orbitmesh_commands "$cmd" >/dev/null; then
    (( n == 0 )) && _orbitmesh_commands "$cmd" | _orbitmesh_offer command
    return
  fi
  what="$(_orbitmesh_argument "$cmd $n")"
  while [[ -z $what ]] && (( n > 0 )); do
    (( n-- ))
    what="$(_orbitmesh_argument "$cmd $n")"
    [[ -n $what && $what != +* ]] && return
  done
  _orbitmesh_complete_as "\${what#+}"
}
compdef _orbitmesh orbitmesh ./orbitmesh
`;
}
