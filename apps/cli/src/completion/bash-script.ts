import type { CompletionNode } from './completion-tree.js';
import { posixTable } from './posix-table.js';

/** Works with bash 3.2, too, which is what macOS has. */
export function bashScript(nodes: readonly CompletionNode[]): string {
  return `# bash completion of orbitmesh. In ~/.bashrc: eval "$(orbitmesh completion bash)"
${posixTable(nodes)}
_orbitmesh_words() { local one; while IFS=$'\\t' read -r one _; do printf '%s\\n' "$one"; done; }
_orbitmesh_reply() {
  local one
  while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen "$@" -- "$cur")
}
_orbitmesh_complete_as() {
  case "$1" in
    '='*) _orbitmesh_reply -W "\${1#=}" ;;
    @*) _orbitmesh_reply -W "$("\${COMP_WORDS[0]}" __complete "\${1#@}" 2>/dev/null | _orbitmesh_words)" ;;
    /) _orbitmesh_reply -f ;;
  esac
}
_orbitmesh() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path='' n=0 i word last='' what
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      -*)
        if _orbitmesh_value "$path $word" >/dev/null; then
          i=$((i + 1))
          if [ "$i" -eq "$COMP_CWORD" ]; then last="$word"; fi
        fi ;;
      *)
        if [ "$n" -eq 0 ] && _orbitmesh_commands "$path" 2>/dev/null | _orbitmesh_words | grep -Fqx -e "$word"; then
          path="\${path:+$path }$word"
        else
          n=$((n + 1))
        fi ;;
    esac
  done
  if [ -n "$last" ]; then
    _orbitmesh_complete_as "$(_orbitmesh_value "$path $last")"
    return
  fi
  case "$cur" in
    -*) _orbitmesh_reply -W "$(_orbitmesh_options "$path" | _orbitmesh_words)"; return ;;
  esac
  if _orbitmesh_commands "$path" >/dev/null; then
    if [ "$n" -eq 0 ]; then _orbitmesh_reply -W "$(_orbitmesh_commands "$path" | _orbitmesh_words)"; fi
    return
  fi
  what="$(_orbitmesh_argument "$path $n")"
  while [ -z "$what" ] && [ "$n" -gt 0 ]; do
    n=$((n - 1))
    what="$(_orbitmesh_argument "$path $n")"
    case "$what" in +*) ;; '') ;; *) return ;; esac
  done
  _orbitmesh_complete_as "\${what#+}"
}
complete -F _orbitmesh orbitmesh ./orbitmesh
`;
}
