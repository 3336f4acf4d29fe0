import { serverSentEvent, type Body, type Dialect, type ModelRequest } from './dialect.js';
import { piecesOf, tokensOf, type ModelTurn } from './model-turn.js';

interface Part { text?: string; thought?: boolean; functionCall?: unknown; functionResponse?: unknown }
interface GenerateRequest {
  contents?: { role?: string; parts?: Part[] }[];
  tools?: { functionDeclarations?: { name: string; parameters?: object; parametersJsonSchema?: object }[] }[];
  generationConfig?: { responseMimeType?: string; responseJsonSchema?: object; responseSchema?: object };
}

const STATUS_NAMES: Record<number, string> = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 404: 'NOT_FOUND', 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 529: 'UNAVAILABLE' };

/**
 * The Gemini API: v1beta generateContent, streamGenerateContent, countTokens.
 *
 * @see https://ai.google.dev/api/generate-content
 */
export const geminiDialect: Dialect = {
  name: 'gemini',
  operationOf: (path) => /\/models\/[^/:]+:(generateContent|streamGenerateContent|countTokens)(?:\?|$)/.exec(path)?.[1],
  read: (operation, body) => (operation === 'countTokens' ? { json: { totalTokens: tokensOf(JSON.stringify(body.contents ?? [])) } } : read(operation, body as GenerateRequest)),
  whole: (turn) => responseOf(partsOf(turn), turn, true),
  stream: (turn) => {
    const parts = partsOf(turn).flatMap((part) => (part.text ? piecesOf(part.text, turn).map((text) => ({ ...part, text })) : [part]));
    return parts.map((part, index) => serverSentEvent(responseOf([part], turn, index === parts.length - 1), undefined, '\r\n\r\n'));
  },
  error: (status, message) => ({ error: { code: status, message, status: STATUS_NAMES[status] ?? 'UNKNOWN' } }),
};

function read(operation: string, { contents = [], tools = [], generationConfig }: GenerateRequest): ModelRequest {
  const { responseMimeType, responseJsonSchema, responseSchema } = generationConfig ?? {};
  return {
    messages: contents.map(({ parts = [] }) => ({
      text: parts.map(({ text }) => text ?? '').join('\n'),
      toolResults: parts.filter(({ functionResponse }) => functionResponse).length,
    })),
    tools: tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations).map(({ name, parametersJsonSchema, parameters }) => ({ name, schema: parametersJsonSchema ?? parameters })),
    ...(responseMimeType === 'application/json' ? { jsonSchema: responseJsonSchema ?? responseSchema ?? {} } : {}),
    stream: operation === 'streamGenerateContent',
  };
}

function partsOf({ thought, text, call }: ModelTurn): Part[] {
  return [...(thought ? [{ text: thought, thought: true }] : []), ...(text ? [{ text }] : []), ...(call ? [{ functionCall: call }] : [])];
}

function responseOf(parts: Part[], { usage }: ModelTurn, last: boolean): Body {
  // This API counts cached tokens into the prompt, and thoughts apart from the candidates.
  const prompt = usage.input + usage.cacheRead;
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(last ? { finishReason: 'STOP' } : {}) }],
    usageMetadata: {
      promptTokenCount: prompt, candidatesTokenCount: usage.output - usage.reasoning, totalTokenCount: prompt + usage.output,
      ...(usage.cacheRead ? { cachedContentTokenCount: usage.cacheRead } : {}), ...(usage.reasoning ? { thoughtsTokenCount: usage.reasoning } : {}),
    },
    modelVersion: 'stand-in',
  };
}
