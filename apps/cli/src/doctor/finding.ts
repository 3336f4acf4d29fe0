import type { StackFile } from '../connection.js';
import type { Holder, LauncherTools } from '../checkout.js';

/** What the doctor has to say of one thing. */
export interface Finding {
  /** Relative to the home; null: of no file. */
  file: string | null;
  /** A note is for information: nothing is wrong because of it. */
  level: 'problem' | 'note';
  /** After the file's name, if there is one: "is open to other users". */
  text: string;
  /** What a person can do. `%` stands for what the CLI is called, `--fix` needs no mention. */
  advice?: readonly string[];
  /** What `--fix` does, and what it did, as "put back as the log has it". */
  mend?: () => Promise<string>;
}

/** The home that is looked at. */
export interface Patient {
  home: string;
  /** The launcher that runs it now. */
  launcher: Holder | null;
  /** `run/stack.json`, whoever wrote it. */
  stack: StackFile | null;
  /** null where there is no checkout, as in a container: whose processes are elsewhere then. */
  tools: LauncherTools | null;
  env: NodeJS.ProcessEnv;
  /** `--fix` was asked for. */
  fix: boolean;
  /** For a program: of a kind of finding all are named, each as its own. */
  whole: boolean;
  /** What the checks know of it, for the summary: "session-service" → "12 documents". */
  summary: Map<string, string>;
  /** Files that were told of, or lie in a quarantine that was. */
  told: Set<string>;
}

export type Check = (patient: Patient) => Promise<Finding[]>;

/** How what was tried in vain begins. */
export const FAILED = 'could not be mended';

export const problem = (file: string | null, text: string, more: Partial<Finding> = {}): Finding => ({ file, level: 'problem', text, ...more });
export const note = (file: string | null, text: string, more: Partial<Finding> = {}): Finding => ({ file, level: 'note', text, ...more });

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'it is closed to this user', EPERM: 'it is closed to this user', EIO: 'its disk fails to read it', ELOOP: 'it is a link that leads to itself',
  ENOTDIR: 'a part of its path is a file', EISDIR: 'it is a directory', EMFILE: 'too many files are open', ENFILE: 'too many files are open', ESTALE: 'its file system is gone',
};

/** Why something could not be read, for a person. */
export function reasonText(error: unknown): string {
  const { code = '', message, path, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  if (cause instanceof Error) return reasonText(cause);
  const reason = REASONS[code];
  return reason === undefined ? message : `${path === undefined ? '' : `${path}: `}${reason}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
