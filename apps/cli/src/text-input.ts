import { createInterface } from 'node:readline/promises';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { STDIN_BYTES_MAX } from './limits.js';
import { printable } from './terminal.js';

/** A text as it was given, or all of stdin for `-`. @throws CliError when there is too much of it */
export async function textOf<T extends string | undefined>(context: Context, given: T): Promise<T | string> {
  return given === '-' ? (await stdinBytes(context)).toString('utf8').replace(/\n$/, '') : given;
}

/** @throws CliError when there is too much of it */
export async function stdinBytes({ terminal }: Context): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    bytes += chunks[chunks.length - 1].length;
    if (bytes > STDIN_BYTES_MAX) throw new CliError(EXIT.usage, `More than ${STDIN_BYTES_MAX} bytes came by stdin.`);
  }
  return Buffer.concat(chunks);
}

/** Asks on a terminal; where nobody can be asked, the command itself is the answer. @throws CliError when it is no */
export async function confirm({ terminal, printer }: Context, question: string, { yes }: { yes?: boolean }): Promise<void> {
  if (yes || printer.json || terminal.stdin.isTTY !== true || terminal.stdout.isTTY !== true) return;
  const prompt = createInterface({ input: terminal.stdin, output: terminal.stderr });
  prompt.on('SIGINT', terminal.interrupt);
  try {
    const answer = await prompt.question(`${printable(question)} [y/N] `, { signal: terminal.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(EXIT.failure, 'Left as it is.');
  } finally {
    prompt.close();
  }
}
