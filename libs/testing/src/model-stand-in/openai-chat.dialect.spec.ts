import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ModelStandIn } from './model-stand-in.js';
import { scenarioTag } from './scenario.js';

const TOOLS = [{ type: 'function', function: { name: 'orbitmesh_report', parameters: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } } }];

interface Chunk { choices: { delta: { content?: string; reasoning_content?: string; tool_calls?: { function: { name?: string; arguments: string } }[] }; finish_reason: string | null }[]; usage?: unknown }

let standIn: ModelStandIn;
beforeEach(async () => { standIn = await ModelStandIn.start(); });
afterEach(() => standIn.close());

const told = (more: object = {}, then: unknown[] = []) => ({
  model: 'any', tools: TOOLS, messages: [{ role: 'user', content: [{ type: 'text', text: scenarioTag({ say: 'I will.', tools: [{ names: ['report'], args: { message: 'hi' } }], then: 'Done.', ...more }) }] }, ...then],
});
const chat = (body: object) => fetch(`${standIn.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
const chunksOf = (text: string) => text.split('\n\n').filter((event) => event.startsWith('data: {')).map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);

describe('the OpenAI chat dialect', () => {
  it('answers in one piece: thought, text, the tool and what it cost', async () => {
    const answer = await (await chat(told({ think: 'Hm.', usage: { input: 10, output: 20, cacheRead: 5, reasoning: 8 } }))).json() as unknown;
    expect(answer).toMatchObject({
      object: 'chat.completion', model: 'any',
      choices: [{ finish_reason: 'tool_calls', message: { content: 'I will.', reasoning_content: 'Hm.', tool_calls: [{ type: 'function', function: { name: 'orbitmesh_report', arguments: '{"message":"hi"}' } }] } }],
      usage: { prompt_tokens: 15, completion_tokens: 20, total_tokens: 35, prompt_tokens_details: { cached_tokens: 5 }, completion_tokens_details: { reasoning_tokens: 8 } },
    });
    const then = await (await chat(told({}, [{ role: 'assistant', content: null }, { role: 'tool', content: 'ok' }]))).json() as unknown;
    expect(then).toMatchObject({ choices: [{ finish_reason: 'stop', message: { content: 'Done.' } }] });
  });

  it('streams the same piece by piece, the usage last, and says when it is done', async () => {
    const text = await (await chat({ ...told({ think: 'Hm.', usage: { input: 10, output: 20 } }), stream: true })).text();
    const chunks = chunksOf(text);
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    expect(deltas.map(({ reasoning_content }) => reasoning_content ?? '').join('')).toBe('Hm.');
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe('I will.');
    const calls = deltas.flatMap(({ tool_calls = [] }) => tool_calls);
    expect(calls[0].function.name).toBe('orbitmesh_report');
    expect(calls.map((call) => call.function.arguments).join('')).toBe('{"message":"hi"}');
    expect(chunks.at(-2)!.choices[0].finish_reason).toBe('tool_calls');
    expect(chunks.at(-1)!.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 20 });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it.each([[401, 'authentication_error'], [429, 'rate_limit_error'], [500, 'server_error']])('fails with %i in its own words', async (status, type) => {
    const response = await chat(told({ fail: { status, message: 'no more' } }));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type, message: 'no more' } });
  });

  it('answers JSON of a schema, and names a model', async () => {
    const answer = await (await chat({ ...told(), response_format: { type: 'json_schema', json_schema: { schema: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] } } } })).json() as unknown;
    expect(answer).toMatchObject({ choices: [{ message: { content: '{"title":"stand-in"}' } }] });
    expect(await (await fetch(`${standIn.url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'stand-in' }] });
  });
});
