/** In force in every repository that the agent comes to (submodules and nested ones too), unless its user says otherwise in his own configuration. */
export const ALWAYS: readonly (readonly [key: string, value: string])[] = [
  ['core.hooksPath', '/dev/null'], ['core.fsmonitor', 'false'], ['protocol.ext.allow', 'never'], ['safe.bareRepository', 'explicit'],
];

/** Programs that git does as well without: what is used in their place, where the user names none. */
export const REPLACED: readonly (readonly [key: RegExp, value: string])[] = [
  [/^core\.sshcommand$/, 'ssh'], [/^(core|sequence)\.editor$/, ':'], [/^core\.pager$|^pager\./, 'cat'], [/^core\.askpass$/, ''],
  [/^gpg(\.openpgp)?\.program$/, 'gpg'], [/^gpg\.x509\.program$/, 'gpgsm'], [/^gpg\.ssh\.program$/, 'ssh-keygen'],
];

/** Programs that nothing can stand for: without its filter a file is committed as it must not be, and of some keys git takes the first value, not the last. A name may be empty. */
const REFUSED = new RegExp(`^(${[
  'filter\\..*\\.(clean|smudge|process)', 'diff\\.external', 'diff\\..*\\.(command|textconv)', 'merge\\..*\\.driver', 'remote\\..*\\.(uploadpack|receivepack|vcs)',
  'credential\\..*\\.helper', 'core\\.(gitproxy|alternaterefscommand)', 'interactive\\.difffilter', 'gpg\\.ssh\\.defaultkeycommand', 'gc\\.recentobjectshook', 'hook\\..*\\.command',
  'trailer\\..*\\.(command|cmd)', 'tar\\..*\\.command', '((diff|merge|gui)tool|man|browser)\\..*\\.(cmd|path)', 'lfs\\.(customtransfer|extension)\\..*\\.(path|clean|smudge)',
].join('|')})$`);

/** Programs where the value says that it is one. */
const REFUSED_AS_SHELL = /^(submodule\..*\.update|alias\..+)$/;

/** Git LFS as `git lfs install --local` writes it; the program is found on PATH. */
const WELL_KNOWN = new Set(['git-lfs clean -- %f', 'git-lfs smudge -- %f', 'git-lfs filter-process', 'git-lfs smudge --skip -- %f', 'git-lfs filter-process --skip']);

/** A setting that only who trusts the repository can have in force. */
export function isRefusedProgram(key: string, value: string): boolean {
  return (REFUSED.test(key) && !WELL_KNOWN.has(value)) || (REFUSED_AS_SHELL.test(key) && value.startsWith('!'));
}
