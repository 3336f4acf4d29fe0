import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { ModelStandIn } from './model-stand-in.js';
import { scenarioTag } from './scenario.js';

const WRITE_FILE = { name: 'write_file', parametersJsonSchema: { type: 'object', properties: { file_path: { type: 'string' }, content: { type: 'string' }, mode: { type: 'string', enum: ['fast', 'slow'] } }, required: ['file_path', 'mode'] } };
const SCENARIO = { say: 'I will.', tools: [{ names: ['edit', 'write_file'], args: { file_path: '/a', content: 'b', unknown: 1 } }], then: 'Done.' };
const MODELS = '/v1beta/models/any:';

let standIn: ModelStandIn;
beforeEach(async () => { standIn = await ModelStandIn.start(); });
afterEach(() => standIn.close());

async function post(path: string, body: unknown): Promise<{ status: number; text: string; json: Record<string, unknown> }> {
  const response = await fetch(`${standIn.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, get json() { return JSON.parse(text) as Record<string, unknown>; } };
}

describe('the model stand-in', () => {
  it('refuses and remembers who phones home through it', async () => {
    const { port } = new URL(standIn.url);
    const status = await new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'example.com:443' }).on('connect', (response) => resolve(response.statusCode)).on('error', reject).end();
    });
    expect(status).toBe(403);
    expect(standIn.phonedHome).toEqual(['example.com:443']);
  });

  it('answers 404 to a path of no API, 400 to what is no JSON, and keeps every request', async () => {
    expect((await post(`${MODELS}dream`, {})).status).toBe(404);
    const broken = await fetch(`${standIn.url}/v1/messages`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    expect(standIn.requests.map(({ path, dialect, operation }) => [path, dialect, operation])).toEqual([[`${MODELS}dream`, '', '']]);
  });
});

describe('the Gemini dialect', () => {
  const prompt = { role: 'user', parts: [{ text: scenarioTag(SCENARIO) }] };
  const result = { role: 'user', parts: [{ functionResponse: { name: 'write_file', response: {} } }] };
  const parts = (text: string): unknown[] => text.split('\r\n\r\n').filter(Boolean).map((event) => (JSON.parse(event.slice('data: '.length)) as { candidates: { content: { parts: unknown[] } }[] }).candidates[0].content.parts[0]);
  const stream = async (body: object) => (await post(`${MODELS}streamGenerateContent?alt=sse`, body)).text;

  it('streams the text, then the first offered tool with what its schema takes', async () => {
    const text = await stream({ contents: [prompt], tools: [{ functionDeclarations: [WRITE_FILE] }] });
    expect(parts(text)).toEqual([{ text: 'I wi' }, { text: 'll.' }, { functionCall: { name: 'write_file', args: { file_path: '/a', mode: 'fast', content: 'b' } } }]);
    expect(text).toContain('"finishReason":"STOP"');
  });

  it('goes on by the number of tool results, without keeping anything', async () => {
    const body = { contents: [prompt, { role: 'model', parts: [] }, result], tools: [{ functionDeclarations: [WRITE_FILE] }] };
    for (let again = 0; again < 2; again += 1) expect(parts(await stream(body))).toEqual([{ text: 'Don' }, { text: 'e.' }]);
  });

  it('says so when no tool of the scenario is offered', async () => {
    const said = parts(await stream({ contents: [prompt], tools: [{ functionDeclarations: [{ name: 'other' }] }] }));
    expect(said.map((part) => (part as { text: string }).text).join('')).toBe('I will.\nnone of edit, write_file is offered');
  });

  it('answers side calls: JSON of a schema, plain text without tools, and counts', async () => {
    const schema = { type: 'OBJECT', properties: { reasoning: { type: 'STRING' }, score: { type: 'INTEGER' } }, required: ['reasoning', 'score'] };
    const classified = await post(`${MODELS}generateContent`, { contents: [prompt], generationConfig: { responseMimeType: 'application/json', responseSchema: schema } });
    expect(JSON.parse((classified.json as { candidates: { content: { parts: { text: string }[] } }[] }).candidates[0].content.parts[0].text)).toEqual({ reasoning: 'stand-in', score: 0 });
    expect((await post(`${MODELS}generateContent`, { contents: [prompt] })).text).toContain('"text":"stand-in"');
    expect((await post(`${MODELS}countTokens`, { contents: [prompt] })).json).toEqual({ totalTokens: expect.any(Number) });
    expect(standIn.requests.map(({ operation }) => operation)).toEqual(['generateContent', 'generateContent', 'countTokens']);
  });

  it('thinks, counts what the scenario fixes and fails as it says, in its own words', async () => {
    const told = (more: object) => ({ contents: [{ role: 'user', parts: [{ text: scenarioTag({ ...SCENARIO, ...more }) }] }], tools: [{ functionDeclarations: [WRITE_FILE] }] });
    const { json } = await post(`${MODELS}generateContent`, told({ think: 'Hm.', usage: { input: 10, output: 20, cacheRead: 5, reasoning: 8 } }));
    expect(json).toMatchObject({
      candidates: [{ content: { parts: [{ text: 'Hm.', thought: true }, { text: 'I will.' }, {}] } }],
      usageMetadata: { promptTokenCount: 15, cachedContentTokenCount: 5, candidatesTokenCount: 12, thoughtsTokenCount: 8, totalTokenCount: 35 },
    });
    expect(await post(`${MODELS}generateContent`, told({ fail: { status: 429 } }))).toMatchObject({ status: 429, json: { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } } });
  });
});

describe('the Anthropic dialect', () => {
  const schema = { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] };
  const tools = [{ name: 'NotebookEdit', input_schema: {} }, { name: 'mcp__orbitmesh__report', input_schema: schema }];
  const told = (more: object = {}, then: unknown[] = []) => ({
    model: 'any', tools, messages: [{ role: 'user', content: scenarioTag({ say: 'I will.', tools: [{ names: ['Edit', 'report'], args: { message: 'hi' } }], then: 'Done.', ...more }) }, ...then],
  });
  const answered = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'ok' }] };
  const messages = (body: object) => post('/v1/messages?beta=true', body);
  const events = (text: string) => text.split('\n\n').filter(Boolean).map((event) => JSON.parse(event.split('\ndata: ')[1]) as { type: string; index?: number; delta?: Record<string, unknown>; usage?: unknown; message?: unknown; content_block?: unknown });

  it('answers in one piece: thought, text and an MCP tool found by the end of its name', async () => {
    expect((await messages(told({ think: 'Hm.' }))).json).toMatchObject({
      type: 'message', role: 'assistant', model: 'any', stop_reason: 'tool_use',
      content: [{ type: 'thinking', thinking: 'Hm.' }, { type: 'text', text: 'I will.' }, { type: 'tool_use', name: 'mcp__orbitmesh__report', input: { message: 'hi' } }],
    });
    expect((await messages(told({}, [answered]))).json).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: 'Done.' }] });
    expect((await messages(told({ then: '{{result}} after {{before}}' }, [answered]))).json).toMatchObject({ content: [{ text: 'ok after 0' }] });
  });

  it('streams every block begun, filled and ended, and the fixed usage, with the true output at the end', async () => {
    const { text } = await messages({ ...told({ think: 'Hm.', usage: { input: 10, output: 20, cacheRead: 30, cacheWrite: 40 } }), stream: true });
    const said = events(text);
    expect(said.map(({ type }) => type).filter((type) => type !== 'content_block_delta')).toEqual([
      'message_start', ...Array.from({ length: 3 }, () => ['content_block_start', 'content_block_stop']).flat(), 'message_delta', 'message_stop',
    ]);
    const filled = (index: number, field: string) => said.filter((event) => event.index === index).map(({ delta }) => delta?.[field] ?? '').join('');
    expect([filled(0, 'thinking'), filled(1, 'text'), filled(2, 'partial_json')]).toEqual(['Hm.', 'I will.', '{"message":"hi"}']);
    expect(said[0].message).toMatchObject({ usage: { input_tokens: 10, cache_creation_input_tokens: 40, cache_read_input_tokens: 30, output_tokens: 1 } });
    expect(said.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 20 } });
    expect(text).toMatch(/^event: message_start\ndata: /);
  });

  it.each([[401, 'authentication_error'], [429, 'rate_limit_error'], [500, 'api_error'], [529, 'overloaded_error']])('fails with %i from the step on that the scenario names', async (status, type) => {
    const fail = { status, atStep: 1, message: 'no more' };
    expect((await messages(told({ fail }))).status).toBe(200);
    expect(await messages(told({ fail }, [answered]))).toMatchObject({ status, json: { type: 'error', error: { type, message: 'no more' } } });
  });

  it('breaks the connection in the middle of a streamed answer that is to be cut', async () => {
    const response = await fetch(`${standIn.url}/v1/messages`, { method: 'POST', body: JSON.stringify({ ...told({ cut: true }), stream: true }) });
    let heard = '';
    const reading = (async () => { for await (const piece of response.body!) heard += Buffer.from(piece).toString(); })();
    await expect(reading).rejects.toThrow();
    expect(heard).toContain('message_start');
    expect(heard).not.toContain('message_stop');
  });

  it('cuts no character in two', async () => {
    const said = events((await messages({ ...told({ say: '👋👋👋', tools: [], then: '👋👋👋' }), stream: true })).text).flatMap(({ delta }) => (delta?.text ? [delta.text] : []));
    expect(said).toEqual(['👋👋', '👋']);
  });

  it('streams slowly word by word, and stops when its client goes away', async () => {
    const { text } = await messages({ ...told({ say: 'one two  three', slowMs: 1 }), stream: true });
    expect(events(text).flatMap(({ delta }) => (delta?.text ? [delta.text] : []))).toEqual(['one', ' two', '  three']);
    const leaving = new AbortController();
    const response = await fetch(`${standIn.url}/v1/messages`, { method: 'POST', body: JSON.stringify({ ...told({ slowMs: 60_000 }), stream: true }), signal: leaving.signal });
    await response.body!.getReader().read();
    leaving.abort();
  });

  it('answers side calls plainly, and counts tokens', async () => {
    expect((await messages({ ...told(), tools: [] })).json).toMatchObject({ content: [{ type: 'text', text: 'stand-in' }] });
    expect((await messages({ ...told(), output_config: { format: { type: 'json_schema', schema } } })).json).toMatchObject({ content: [{ type: 'text', text: '{"message":"stand-in"}' }] });
    expect((await post('/v1/messages/count_tokens', told())).json).toEqual({ input_tokens: expect.any(Number) });
  });
});
