import type { HeardMessage } from './scenario.js';
import type { ModelTurn } from './model-turn.js';

/** A request's or an answer's body: JSON whose shape only its dialect knows. */
export type Body = Record<string, unknown>;

/** A tool the agent offers to the model. */
export interface OfferedTool { name: string; schema: object | undefined }

/** What the model is asked, whatever the API. */
export interface ModelRequest {
  messages: HeardMessage[];
  /** None: a side call of the agent (a title, a summary), which is answered plainly. */
  tools: OfferedTool[];
  /** The answer has to be JSON of this schema; the scenario is not asked. */
  jsonSchema?: object;
  stream: boolean;
}

/** One model API: how its requests are read and its answers written. Keeps nothing between two requests. */
export interface Dialect {
  readonly name: string;
  /** Which operation of this API a path is; undefined: none of them. */
  operationOf(path: string): string | undefined;
  /** What the model is asked; or the answer itself, where no model is needed (token counts, lists). */
  read(operation: string, body: Body): ModelRequest | { json: unknown };
  /** The answer in one piece. */
  whole(turn: ModelTurn, body: Body): unknown;
  /** The answer in pieces, as they go over the wire. */
  stream(turn: ModelTurn, body: Body): string[];
  /** The body of an answer with an error status. */
  error(status: number, message: string): unknown;
}

/** A server-sent event; OpenAI's and Gemini's have no name. */
export function serverSentEvent(data: unknown, event?: string, end = '\n\n'): string {
  return `${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}${end}`;
}
