import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { GeminiStandIn } from './gemini-stand-in.js';
import { scenarioTag } from './scenario.js';

const WRITE_FILE = { name: 'write_file', parametersJsonSchema: { type: 'object', properties: { file_path: { type: 'string' }, content: { type: 'string' }, mode: { type: 'string', enum: ['fast', 'slow'] } }, required: ['file_path', 'mode'] } };
const PROMPT = { role: 'user', parts: [{ text: scenarioTag({ say: 'I will.', tools: [{ names: ['edit', 'write_file'], args: { file_path: '/a', content: 'b', unknown: 1 } }], then: 'Done.' }) }] };
const RESULT = { role: 'user', parts: [{ functionResponse: { name: 'write_file', response: {} } }] };

describe('GeminiStandIn', () => {
  let standIn: GeminiStandIn;
  beforeEach(async () => { standIn = await GeminiStandIn.start(); });
  afterEach(() => standIn.close());

  const post = async (operation: string, body: unknown) => {
    const response = await fetch(`${standIn.url}/v1beta/models/any:${operation}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return { status: response.status, text: await response.text() };
  };
  const parts = (text: string): unknown[] => text.split('\r\n\r\n').filter(Boolean).map((event) => (JSON.parse(event.slice('data: '.length)) as { candidates: { content: { parts: unknown[] } }[] }).candidates[0].content.parts[0]);

  it('streams the text, then the first offered tool with what its schema takes', async () => {
    const { text } = await post('streamGenerateContent?alt=sse', { contents: [PROMPT], tools: [{ functionDeclarations: [WRITE_FILE] }] });
    expect(parts(text)).toEqual([{ text: 'I wi' }, { text: 'll.' }, { functionCall: { name: 'write_file', args: { file_path: '/a', mode: 'fast', content: 'b' } } }]);
    expect(text).toContain('"finishReason":"STOP"');
  });

  it('goes on by the number of tool results, without keeping anything', async () => {
    const body = { contents: [PROMPT, { role: 'model', parts: [] }, RESULT], tools: [{ functionDeclarations: [WRITE_FILE] }] };
    for (let again = 0; again < 2; again += 1) expect(parts((await post('streamGenerateContent?alt=sse', body)).text)).toEqual([{ text: 'Don' }, { text: 'e.' }]);
  });

  it('says so when no tool of the scenario is offered', async () => {
    const { text } = await post('streamGenerateContent?alt=sse', { contents: [PROMPT], tools: [{ functionDeclarations: [{ name: 'other' }] }] });
    expect(parts(text).slice(-2).map((part) => (part as { text: string }).text).join('')).toBe('none of edit, write_file is offered');
  });

  it('answers side calls: JSON of a schema, plain text without tools, and counts', async () => {
    const schema = { type: 'OBJECT', properties: { reasoning: { type: 'STRING' }, score: { type: 'INTEGER' } }, required: ['reasoning', 'score'] };
    const classified = await post('generateContent', { contents: [PROMPT], generationConfig: { responseMimeType: 'application/json', responseSchema: schema } });
    expect(JSON.parse((JSON.parse(classified.text) as { candidates: { content: { parts: { text: string }[] } }[] }).candidates[0].content.parts[0].text)).toEqual({ reasoning: 'stand-in', score: 0 });
    expect((await post('generateContent', { contents: [PROMPT] })).text).toContain('"text":"stand-in"');
    expect(JSON.parse((await post('countTokens', { contents: [PROMPT] })).text)).toEqual({ totalTokens: expect.any(Number) });
    expect((await post('dream', {})).status).toBe(404);
    expect(standIn.requests.map(({ operation }) => operation)).toEqual(['generateContent', 'generateContent', 'countTokens', 'dream']);
  });

  it('refuses and remembers who phones home through it', async () => {
    const { port } = new URL(standIn.url);
    const status = await new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, method: 'CONNECT', path: 'example.com:443' }).on('connect', (response) => resolve(response.statusCode)).on('error', reject).end();
    });
    expect(status).toBe(403);
    expect(standIn.phonedHome).toEqual(['example.com:443']);
  });
});
