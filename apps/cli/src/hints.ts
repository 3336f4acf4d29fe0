import { ApiError, UnreachableError } from '@orbitmesh/api-client';
import { CommanderError } from 'commander';
import { CliError, EXIT } from './exit-code.js';
import { cliNameOf, programNameOf } from './terminal.js';

/** `%` stands for what the CLI is called where it runs, `&` for the command that failed. */
const HINT_OF_CODE: Readonly<Record<string, string>> = {
  UNREACHABLE: 'Start it with: % up   (npm start in the checkout does the same); % status shows what is missing.',
  UNAUTHENTICATED: "The token is not valid there (any more). Without ORBITMESH_TOKEN and ORBITMESH_API_URL the home's own is used; % token prints it.",
  FORBIDDEN: "It takes the owner's token; without ORBITMESH_TOKEN and ORBITMESH_API_URL the home's own is used.",
  HOST_NOT_ALLOWED: 'Call it by 127.0.0.1 or localhost, or name the host in ORBITMESH_ALLOWED_HOSTS and start it again.',
  VALIDATION_FAILED: 'What it takes: & --help',
  SECRET_BY_VALUE: 'Pass a reference: --secret NAME=env:NAME or NAME=file:/path; only the runner reads it.',
  PROJECT_NOT_FOUND: 'A project is named by its id, proj_…, or by a name that no other has; those that there are: % project list',
  TASK_NOT_FOUND: 'Those that there are: % task list',
  SESSION_NOT_FOUND: 'Those that there are: % session list --all',
  RUNNER_NOT_FOUND: 'Those that there are: % runner list',
  TEAM_MEMBER_NOT_FOUND: 'A member is named by its id, tm_…; those that there are: % team-member list',
  APPROVAL_NOT_FOUND: 'Those that there are: % session approvals SESSION',
  NOTIFICATION_NOT_FOUND: 'Those that there are: % notification list',
  TOKEN_NOT_FOUND: 'Those that there are: % token list',
  WEBHOOK_NOT_FOUND: 'Those that there are: % webhook list',
  DELIVERY_NOT_FOUND: 'Those that there are: % webhook deliveries WEBHOOK',
  MAIL_NOT_FOUND: 'Those that there are: % mail list',
  PROVIDER_NOT_FOUND: 'Those that there are: % provider list. An agent of this machine becomes one by: % provider add AGENT',
  INVALID_TRANSITION: 'Where it is now: % session show SESSION',
  NOT_SUPPORTED: 'What each provider can do: % provider list',
  APPROVAL_ALREADY_ANSWERED: 'How it was answered: % session approvals SESSION',
  SESSION_NOT_TERMINAL: 'End it first: % session stop SESSION; % wait SESSION returns when it has ended.',
  SESSION_ENDED: 'Go on in its conversation: % session continue SESSION "…". A mail can be kept for that: --keep-for-continuation.',
  TASK_IN_USE: 'Its sessions: % session list --task TASK. End them first, with: % session stop SESSION',
  REVISION_MISMATCH: 'It was changed meanwhile. Look at it again (show), then repeat with --if-match and the revision it has now.',
  CURSOR_GONE: 'Begin without --after, or after one of the two above.',
  PROJECT_NOT_EMPTY: 'Delete first what it still has: % task list, % session list --all and % team-member list, with --project PROJECT.',
  TASK_REFERENCE_INVALID: 'How the tasks hang together: % task tree',
  MAIL_RECIPIENT_INVALID: 'Who is there: % session list. --to takes SESSION, parent, children, siblings, project or member:MEMBER.',
  WORKING_DIR_INVALID: "A project's directory must be there, as the runner sees it; a session's lies inside its project's, or in one of ORBITMESH_ROOTS.",
  IDEMPOTENCY_KEY_REUSED: 'Use another --idempotency-key, or repeat exactly what it was used for.',
  TOO_MANY_REQUESTS: 'Try again in a moment.',
  UNAVAILABLE: 'Try again in a moment; % status shows what is missing.',
  TIMEOUT: 'It may have happened: look, or repeat it with the same --idempotency-key.',
  STORAGE_FULL: "Nothing was written. Make room on the disk of OrbitMesh's home; it goes on by itself.",
  STORAGE_WRITE: 'Nothing was written. Its log says why: run/logs/session-service.log in the home.',
  STORAGE_READ: 'What is wrong with the file: % doctor',
  INTERNAL: 'The log has it under the trace id: run/logs/ in the home.',
};

const AGENTS_FORBIDDEN = 'An agent\'s token acts as its own session, in its own project. For anything else, ask a person: % report needs-input "…"';

/** What stands for an id in a command that is proposed, and how such an id begins. */
const PLACES = { SESSION: 'sess_', TASK: 'task_', PROJECT: 'proj_', WEBHOOK: 'whk_' } as const;

export interface Asked { /** The stack's launcher lives. */ launched?: boolean; /** The words of the line that failed: an id in them is the one to go on with. */ args?: readonly string[] }

/** The next step after a failure; null where there is none to name. */
export function hintOf(error: unknown, env: NodeJS.ProcessEnv, command: string | null, { launched = false, args = [] }: Asked = {}): string | null {
  const hint = textOfHint(error, env, launched);
  const name = cliNameOf(env);
  return hint === undefined ? null : withIds(hint, args).replaceAll('%', () => name).replaceAll('&', () => command ?? programNameOf(env));
}

function withIds(hint: string, args: readonly string[]): string {
  return Object.entries(PLACES).reduce((text, [place, prefix]) => {
    const ids = [...new Set(args.filter((arg) => arg.startsWith(prefix)))];
    return ids.length === 1 ? text.replaceAll(new RegExp(`(% [^;,.]*?)\\b${place}\\b`, 'g'), (_whole, before: string) => `${before}${ids[0]}`) : text;
  }, hint);
}

function textOfHint(error: unknown, env: NodeJS.ProcessEnv, launched: boolean): string | undefined {
  if (error instanceof CliError) return error.hint ?? (error.exitCode === EXIT.usage ? 'See: & --help' : undefined);
  if (error instanceof CommanderError) return 'See: & --help';
  if (error instanceof UnreachableError) return hintOfUnreachable(env, launched);
  const code = (error as { code?: string } | null)?.code ?? '';
  if (code === 'FORBIDDEN' && env['ORBITMESH_SESSION_ID']) return AGENTS_FORBIDDEN;
  const needed = code === 'FORBIDDEN' && error instanceof ApiError ? error.problem['needed'] : undefined;
  if (typeof needed === 'string') return `The owner can make one that may: % token create NAME --scope ${needed}; without --scope it may read and write.`;
  const continuedBy = code === 'SESSION_ENDED' && error instanceof ApiError ? error.problem['continuedBy'] : undefined;
  if (typeof continuedBy !== 'string') return HINT_OF_CODE[code];
  return `Where its conversation went on: % mail send --to ${continuedBy} "…"; where that has ended as well: % session continue ${continuedBy} "…"`;
}

function hintOfUnreachable(env: NodeJS.ProcessEnv, launched: boolean): string | undefined {
  if (env['ORBITMESH_SESSION_ID']) return 'It may be on its way back: try again in a moment.';
  if (env['ORBITMESH_API_URL']) return 'Is ORBITMESH_API_URL right, and does OrbitMesh run there?';
  if (launched) return 'It runs, and what died is started again: try again in a moment. % status shows what is missing, run/logs/ in the home says why.';
  return HINT_OF_CODE['UNREACHABLE'];
}
