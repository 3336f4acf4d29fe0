import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { ApiClient, CallOptions } from '@orbitmesh/api-client';
import { z } from 'zod';

/** The session that the tools act as: by its own token alone. */
export interface Own {
  sessionId: string;
  projectId: string;
  taskIds: readonly string[];
}

/** What every tool works with. */
export interface Desk {
  client: ApiClient;
  own: Own;
  /** Where the last `wait_for_mail` ended: what it gave out is not given out twice. */
  mailCursor: string | null;
}

/** One call of a tool. */
export interface ToolCall {
  /** The agent does not wait for the answer any more, or is gone. */
  signal: AbortSignal;
  /** For the one change that a tool makes: calling it again after an outcome that nobody knows does it once. */
  change: CallOptions;
  /** A sign of life to an agent that wants them. */
  progress(done: number, of: number, message: string): Promise<void>;
}

export interface ToolAnswer {
  /** For the model. @default the data as JSON */
  text?: string;
  /** For programs. */
  data: Record<string, unknown>;
}

export interface Tool<Shape extends z.ZodRawShape = z.ZodRawShape> {
  name: string;
  title: string;
  description: string;
  input: Shape;
  annotations: ToolAnnotations;
  /** @throws ApiError, UnreachableError, CliError; each is told to the model as the result */
  run(desk: Desk, args: z.output<z.ZodObject<Shape>>, call: ToolCall): Promise<ToolAnswer>;
}

/** Types a tool's arguments by its own input. */
export function tool<Shape extends z.ZodRawShape>(definition: Tool<Shape>): Tool {
  return definition as unknown as Tool;
}

/** It changes nothing. */
export const READS: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };
/** It adds or changes something of OrbitMesh, whose feed keeps what was there before; nothing outside of it. */
export const CHANGES: ToolAnnotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };

const id = (prefix: string, about: string) => z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, `an id, ${prefix}_…, is needed`).describe(about);
export const taskId = (about: string) => id('task', about);
export const sessionId = (about: string) => id('sess', about);
export const mailId = (about: string) => id('mail', about);
export const memberId = (about: string) => id('tm', about);

/** Where in a list to begin, and how far to go. */
export const PAGE = {
  limit: z.int().min(1).max(200).optional().describe('At most so many (default 50).'),
  cursor: z.string().max(200).optional().describe('`nextCursor` of the page before.'),
};
