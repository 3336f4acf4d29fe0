import type { SessionUpdate } from '@agentclientprotocol/sdk/unstable';
import { headOf } from '../decode/utf8.js';
import {
  RECALLED_TURNS_MAX, REMEMBERED_ABOUT_BYTES_MAX, REMEMBERED_ASKED_BYTES_MAX, REMEMBERED_PATHS_BYTES_MAX, REMEMBERED_PATHS_MAX, REMEMBERED_SAID_BYTES_MAX,
  REMEMBERED_TURNS_MAX,
} from './limits.js';
import { counted, summarize } from './report.js';
import type { Survey } from './survey.js';

export interface RememberedTurn {
  /** The session of OrbitMesh it belonged to: a conversation may go on in several. */
  sessionId: string;
  /** In a line: what it was about. */
  about: string;
  asked: string;
  said: string;
  /** In a line: what came of it. Null: it has not ended, or was broken off. */
  came: string | null;
}

/** A conversation as it is kept; bounded in all its parts. */
export interface StoredConversation {
  id: string;
  cwd: string;
  updatedAt: string;
  /** The newest. */
  turns: RememberedTurn[];
  /** How many older ones made room. */
  turnsForgotten: number;
  /** What the last look at the directory found. `paths` null: too many to be remembered. */
  survey: { summary: string; paths: string[] | null } | null;
}

/** What the agent knows of its conversation, also of what was said in processes before this one. */
export class Memory {
  private constructor(private stored: StoredConversation, private inTurn: boolean, /** It was begun by an earlier process. */ readonly isContinued: boolean) {}

  static begin(id: string, cwd: string): Memory {
    return new Memory({ id, cwd, updatedAt: '', turns: [], turnsForgotten: 0, survey: null }, false, false);
  }

  static goOn(stored: StoredConversation, cwd: string): Memory {
    return new Memory({ ...stored, cwd }, false, true);
  }

  get id(): string { return this.stored.id; }
  get turnCount(): number { return this.stored.turnsForgotten + this.stored.turns.length; }

  /** A turn begins; it counts as broken off until it is said to have ended. */
  begins({ sessionId, about, asked }: Pick<RememberedTurn, 'sessionId' | 'about' | 'asked'>): void {
    const turn: RememberedTurn = {
      sessionId, about: headOf(firstLine(about), REMEMBERED_ABOUT_BYTES_MAX), asked: headOf(asked, REMEMBERED_ASKED_BYTES_MAX), said: '', came: null,
    };
    const turns = [...this.stored.turns, turn];
    const forgotten = Math.max(0, turns.length - REMEMBERED_TURNS_MAX);
    this.stored = { ...this.stored, turns: turns.slice(forgotten), turnsForgotten: this.stored.turnsForgotten + forgotten };
    this.inTurn = true;
  }

  ends(said: string, came: string): void {
    const last = this.stored.turns.at(-1)!;
    const turn = { ...last, said: headOf(said, REMEMBERED_SAID_BYTES_MAX), came: headOf(firstLine(came), REMEMBERED_ABOUT_BYTES_MAX) };
    this.stored = { ...this.stored, turns: [...this.stored.turns.slice(0, -1), turn] };
    this.inTurn = false;
  }

  found(survey: Survey): void {
    const paths = survey.files.map(({ path }) => path);
    const few = paths.length <= REMEMBERED_PATHS_MAX && paths.reduce((sum, path) => sum + Buffer.byteLength(path), 0) <= REMEMBERED_PATHS_BYTES_MAX;
    this.stored = { ...this.stored, survey: { summary: summarize(survey), paths: few ? paths : null } };
  }

  /** What was before the turn that runs, for people. */
  recall(): string[] {
    const { turns, survey } = this.stored;
    const before = this.inTurn ? turns.slice(0, -1) : turns;
    const count = this.turnCount - (turns.length - before.length);
    if (count === 0) return ['I remember this conversation; nothing was said in it yet.'];
    const shown = before.slice(-RECALLED_TURNS_MAX);
    return [
      `I remember this conversation: ${counted(count, 'turn')}, the last one in the session ${before.at(-1)!.sessionId}.`,
      ...(count > shown.length ? [`- … ${counted(count - shown.length, 'earlier turn')}`] : []),
      ...shown.map(({ about, came }) => `- "${about}": ${came ?? 'broken off'}`),
      ...(survey ? [`What I found then: ${survey.summary}.`] : []),
    ];
  }

  /** What is new since the last look at the directory. Undefined: there was none, or too much to compare. */
  since(survey: Survey): string | undefined {
    const before = this.stored.survey?.paths;
    if (!before) return undefined;
    const now = survey.files.map(({ path }) => path);
    const known = new Set(before);
    const there = new Set(now);
    const [added, gone] = [now.filter((path) => !known.has(path)), before.filter((path) => !there.has(path))];
    return `Since then: ${counted(added.length, 'new file')}${named(added)}, ${gone.length} gone${named(gone)}.`;
  }

  /** The conversation so far, as `session/load` is to repeat it. */
  *history(): Iterable<SessionUpdate> {
    for (const { asked, said } of this.stored.turns) {
      yield { sessionUpdate: 'user_message_chunk', content: { type: 'text', text: asked } };
      if (said) yield { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: said } };
    }
  }

  toStore(updatedAt: string): StoredConversation {
    return { ...this.stored, updatedAt };
  }
}

/** Is it a conversation of that id, with all that is read of one? */
export function isConversation(value: object, id: string): value is StoredConversation {
  const { id: own, cwd, updatedAt, turns, turnsForgotten, survey } = value as Record<string, unknown>;
  return own === id && isText(cwd) && isText(updatedAt) && Array.isArray(turns) && turns.every(isTurn) && Number.isSafeInteger(turnsForgotten) && isSurvey(survey);
}

function isTurn(value: unknown): value is RememberedTurn {
  const { sessionId, about, asked, said, came } = (value ?? {}) as Record<string, unknown>;
  return [sessionId, about, asked, said].every(isText) && (came === null || isText(came));
}

function isSurvey(value: unknown): value is StoredConversation['survey'] {
  if (value === null) return true;
  const { summary, paths } = (value ?? {}) as Record<string, unknown>;
  return isText(summary) && (paths === null || (Array.isArray(paths) && paths.every(isText)));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0];
}

function named(paths: string[]): string {
  if (paths.length === 0) return '';
  return ` (${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ', …' : ''})`;
}
