import type { ModelRequest, OfferedTool } from './dialect.js';
import { nextStep, type ModelUsage, type ScenarioStep } from './scenario.js';
import { valueOfSchema } from './schema-value.js';

/** What the model answers, whatever the API: a thought, words, and at most one tool call. */
export interface ModelTurn {
  thought: string;
  text: string;
  call?: { name: string; args: unknown };
  usage: ModelUsage;
  fail?: ScenarioStep['fail'];
  slowMs?: number;
  cut?: true;
}

/** The model's answer to a request: the scenario's next step, or something plain where there is none. */
export function turnOf(request: ModelRequest): ModelTurn {
  // Side calls (a classifier before every turn, titles) have no tools, or want JSON of a schema.
  if (request.jsonSchema) return { thought: '', text: JSON.stringify(valueOfSchema(request.jsonSchema) ?? {}), usage: counted(request, '') };
  const step: ScenarioStep = (request.tools.length ? nextStep(request.messages) : undefined) ?? { text: 'stand-in' };
  const call = step.tool && callOf(step.tool, request.tools);
  const missing = step.tool && !call ? [`none of ${step.tool.names.join(', ')} is offered`] : [];
  const text = [step.text, ...missing].filter(Boolean).join('\n');
  return {
    thought: step.think ?? '', text, ...(call ? { call } : {}),
    usage: { ...counted(request, `${step.think ?? ''}${text}${call ? JSON.stringify(call) : ''}`), ...step.usage },
    ...(step.fail ? { fail: step.fail } : {}), ...(step.slowMs ? { slowMs: step.slowMs } : {}), ...(step.cut ? { cut: step.cut } : {}),
  };
}

function callOf({ names, args }: NonNullable<ScenarioStep['tool']>, tools: OfferedTool[]): ModelTurn['call'] {
  const tool = names.map((name) => tools.find((offered) => offered.name === name) ?? tools.find((offered) => endsWith(offered.name, name))).find(Boolean);
  return tool && { name: tool.name, args: valueOfSchema(tool.schema, args) };
}

/** Tools of MCP servers are offered with the server's name before theirs; `Edit` must not find `NotebookEdit`. */
function endsWith(offered: string, name: string): boolean {
  return offered.endsWith(name) && /[^A-Za-z0-9]/.test(offered.at(-name.length - 1) ?? '');
}

/** Four characters a token: what matters to a test is that the numbers come through. */
function counted({ messages }: ModelRequest, said: string): ModelUsage {
  return { input: tokensOf(JSON.stringify(messages)), output: tokensOf(said) || 1, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
}

export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Streamed text comes in pieces: an agent that shows only the first would be found out. */
export function piecesOf(text: string, { slowMs }: Pick<ModelTurn, 'slowMs'>): string[] {
  if (slowMs) return text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
  const middle = wholeAt(text, Math.ceil(text.length / 2));
  return [text.slice(0, middle), text.slice(middle)].filter(Boolean);
}

/** No API cuts a character in two. */
function wholeAt(text: string, index: number): number {
  return /[\uDC00-\uDFFF]/.test(text.charAt(index)) ? index + 1 : index;
}
