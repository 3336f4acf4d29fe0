import type { Context } from '../context.js';
import { printable, table, cliNameOf } from '../terminal.js';
import type { DoctorResult } from './doctor.js';
import { FAILED, plural } from './finding.js';

/** What the doctor says to a person: what there is, what was mended, what is wrong, and what to do about it. */
export function doctorText({ printer, terminal }: Context, { home, running, summary, mended, findings }: DoctorResult): string {
  const name = cliNameOf(terminal.env);
  const problems = findings.filter(({ level }) => level === 'problem');
  const block = (sign: string, about: string, next: readonly string[]): string => `${sign} ${printable([about, ...next.map((line) => `  → ${line}`)].join('\n'))}`;
  return [
    `OrbitMesh in ${home} ${running === null ? 'does not run' : `runs (pid ${running})`}`,
    table(Object.entries(summary).map(([where, what]) => [`  ${where}`, what])),
    '',
    ...mended.map(({ file, text, done }) => block(done.startsWith(FAILED) ? printer.style('red', '✗') : printer.style('green', '✓'), sentence(file, text), [done])),
    ...findings.map(({ file, level, text, advice }) => block(level === 'problem' ? printer.style('red', '✗') : '·', sentence(file, text), advice)),
    ...(mended.length + findings.length > 0 ? [''] : []),
    ending(problems, mended.length > 0, name),
  ].join('\n');
}

function sentence(file: string | null, text: string): string {
  return file === null ? text : `${file} ${text}`;
}

function ending(problems: DoctorResult['findings'], wasMended: boolean, name: string): string {
  const fixable = problems.filter((one) => one.fixable).length;
  if (problems.length === 0) return wasMended ? 'Nothing is wrong any more.' : 'Nothing is wrong.';
  return `${plural(problems.length, 'problem')}${fixable === 0 ? '.' : `; ${name} doctor --fix mends ${fixable === problems.length ? (fixable === 1 ? 'it' : 'them') : fixable}.`}`;
}
