import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ModelStandIn } from './model-stand-in.js';
import { scenarioTag } from './scenario.js';

const SCHEMA = { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] };
const TOOLS = [
  { type: 'web_search' },
  { type: 'function', name: 'exec_command', parameters: { type: 'object', properties: { cmd: { type: 'string' } } } },
  { type: 'custom', name: 'apply_patch', format: { type: 'grammar' } },
  { type: 'namespace', name: 'mcp__orbitmesh', tools: [{ type: 'function', name: 'report', parameters: SCHEMA }] },
];
const ANSWERED = { type: 'function_call_output', call_id: 'x', output: 'ok' };

let standIn: ModelStandIn;
beforeEach(async () => { standIn = await ModelStandIn.start(); });
afterEach(() => standIn.close());

const told = (more: object = {}, then: unknown[] = []) => ({
  model: 'any', tools: TOOLS,
  input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: scenarioTag({ say: 'I will.', tools: [{ names: ['report'], args: { message: 'hi' } }], then: 'Done.', ...more }) }] }, ...then],
});

async function post(body: object): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
  const response = await fetch(`${standIn.url}/v1/responses`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, get json() { return JSON.parse(text) as Record<string, unknown>; } };
}

describe('the dialect of the Responses API', () => {
  it('answers in one piece: thought, text and the tool of a namespace under its own name', async () => {
    expect((await post(told({ think: 'Hm.' }))).json).toMatchObject({
      object: 'response', status: 'completed', model: 'any',
      output: [
        { type: 'reasoning', summary: [{ text: 'Hm.' }] }, { type: 'message', content: [{ type: 'output_text', text: 'I will.' }] },
        { type: 'function_call', name: 'report', namespace: 'mcp__orbitmesh', arguments: '{"message":"hi"}', call_id: expect.stringMatching(/^call_/) },
      ],
    });
    expect((await post(told({}, [ANSWERED]))).json).toMatchObject({ output: [{ type: 'message', content: [{ text: 'Done.' }] }] });
  });

  it('calls a tool without a schema with its whole text', async () => {
    const tools = [{ names: ['apply_patch'], args: { input: '*** Begin Patch' } }];
    expect((await post(told({ say: '', tools }))).json).toMatchObject({ output: [{ type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin Patch' }] });
  });

  it('streams every item begun, filled and ended, and the fixed usage with cached and thought tokens inside of the sums', async () => {
    const { text } = await post({ ...told({ think: 'Hm.', usage: { input: 10, output: 20, cacheRead: 30, cacheWrite: 40, reasoning: 8 } }), stream: true });
    const said = text.split('\n\n').filter(Boolean).map((event) => JSON.parse(event.split('\ndata: ')[1]) as { type: string; output_index?: number; delta?: string; response?: unknown });
    expect(said.map(({ type }) => type).filter((type) => !type.endsWith('.delta'))).toEqual([
      'response.created', 'response.output_item.added', 'response.reasoning_summary_part.added', 'response.output_item.done',
      ...Array.from({ length: 2 }, () => ['response.output_item.added', 'response.output_item.done']).flat(), 'response.completed',
    ]);
    expect([0, 1, 2].map((index) => said.filter(({ output_index }) => output_index === index).map(({ delta }) => delta ?? '').join(''))).toEqual(['Hm.', 'I will.', '{"message":"hi"}']);
    expect(said.at(-1)?.response).toMatchObject({
      usage: { input_tokens: 80, input_tokens_details: { cached_tokens: 30, cache_write_tokens: 40 }, output_tokens: 20, output_tokens_details: { reasoning_tokens: 8 }, total_tokens: 100 },
    });
  });

  it.each([401, 429, 500])('fails with %i from the step on that the scenario names', async (status) => {
    const fail = { status, atStep: 1, message: 'no more' };
    expect((await post(told({ fail }))).status).toBe(200);
    expect(await post(told({ fail }, [ANSWERED]))).toMatchObject({ status, json: { error: { message: 'no more' } } });
  });

  it('answers side calls plainly, and with JSON of a schema', async () => {
    expect((await post({ ...told(), tools: [] })).json).toMatchObject({ output: [{ content: [{ text: 'stand-in' }] }] });
    expect((await post({ ...told(), text: { format: { type: 'json_schema', schema: SCHEMA } } })).json).toMatchObject({ output: [{ content: [{ text: '{"message":"stand-in"}' }] }] });
  });
});
