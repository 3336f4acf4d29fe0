import { describe, expect, it } from '@jest/globals';
import { AppError } from '@orbitmesh/domain';
import { parseJsonBody } from './body.js';
import type { DtoClass } from './field.js';
import { SubscribeFrameDto } from './live.dto.js';
import { CreateProjectDto } from './project.dto.js';
import { EventQueryDto, PageQueryDto, SessionEventQueryDto, TaskQueryDto } from './query.dto.js';
import { AnswerApprovalDto, InputDto, PostTimelineDto, SpawnSessionDto } from './session.dto.js';
import { CreateTaskDto, UpdateTaskDto } from './task.dto.js';
import { validateDto, type RequestPart } from './validate.js';

const project = { name: 'p', workingDir: '/srv/p' };
const task = { projectId: 'proj_1', title: 't' };
const spawn = { projectId: 'proj_1' };

function refusal(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

const pointersOf = (error: AppError) => (error.details['errors'] as { pointer: string }[]).map((entry) => entry.pointer);
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`V${index}`, '']));

const refused: [string, DtoClass, unknown, string, RequestPart?][] = [
  ['a body that is missing', CreateProjectDto, undefined, ''],
  ['a body that is null', CreateProjectDto, null, ''],
  ['a body that is a list', CreateProjectDto, [], ''],
  ['a body that is text', CreateProjectDto, 'x', ''],
  ['a missing field', CreateProjectDto, { workingDir: '/p' }, '/name'],
  ['an unknown key', CreateProjectDto, { ...project, extra: 1 }, '/extra'],
  ['a key called constructor', CreateProjectDto, { ...project, constructor: 1 }, '/constructor'],
  ['a key called hasOwnProperty', CreateProjectDto, { ...project, hasOwnProperty: 1 }, '/hasOwnProperty'],
  ['a key called toString', CreateProjectDto, { ...project, toString: 1 }, '/toString'],
  ['an own __proto__', CreateProjectDto, JSON.parse('{"name":"p","workingDir":"/p","__proto__":{}}'), '/__proto__'],
  ['a key with a slash and a tilde', CreateProjectDto, { ...project, 'a/b~c': 1 }, '/a~1b~0c'],
  ['a number for text', CreateProjectDto, { ...project, name: 1 }, '/name'],
  ['null for an optional field', CreateProjectDto, { ...project, description: null }, '/description'],
  ['an empty name', CreateProjectDto, { ...project, name: '' }, '/name'],
  ['a blank name', CreateProjectDto, { ...project, name: ' \t' }, '/name'],
  ['a name of 201 characters', CreateProjectDto, { ...project, name: 'x'.repeat(201) }, '/name'],
  ['a relative directory', CreateProjectDto, { ...project, workingDir: 'srv/p' }, '/workingDir'],
  ['a directory with a step up', CreateProjectDto, { ...project, workingDir: '/srv/../etc' }, '/workingDir'],
  ['a directory that is no text', CreateProjectDto, { ...project, workingDir: {} }, '/workingDir'],
  ['an id with a step up', CreateTaskDto, { ...task, projectId: '..' }, '/projectId'],
  ['an id with a slash', CreateTaskDto, { ...task, projectId: 'a/b' }, '/projectId'],
  ['an id of 65 characters', CreateTaskDto, { ...task, projectId: 'x'.repeat(65) }, '/projectId'],
  ['an id with a line feed at its end', CreateTaskDto, { ...task, projectId: 'a\n' }, '/projectId'],
  ['an empty id', CreateTaskDto, { ...task, parentId: '' }, '/parentId'],
  ['a status that does not exist', CreateTaskDto, { ...task, status: 'done' }, '/status'],
  ['a status out of the prototype', CreateTaskDto, { ...task, status: 'constructor' }, '/status'],
  ['a priority as a list', CreateTaskDto, { ...task, priority: ['high'] }, '/priority'],
  ['a dependency twice', CreateTaskDto, { ...task, dependencies: ['t1', 't1'] }, '/dependencies'],
  ['a dependency that is no id', CreateTaskDto, { ...task, dependencies: ['t1', '../t2'] }, '/dependencies'],
  ['dependencies as an object', CreateTaskDto, { ...task, dependencies: { 0: 't1' } }, '/dependencies'],
  ['101 criteria', CreateTaskDto, { ...task, acceptanceCriteria: Array(101).fill('x') }, '/acceptanceCriteria'],
  ['a criterion that is a number', CreateTaskDto, { ...task, acceptanceCriteria: [1] }, '/acceptanceCriteria'],
  ['a day that does not exist', CreateTaskDto, { ...task, dueDate: '2026-02-30' }, '/dueDate'],
  ['a date in words', CreateTaskDto, { ...task, dueDate: 'tomorrow' }, '/dueDate'],
  ['moving a task to another project', UpdateTaskDto, { projectId: 'proj_2' }, '/projectId'],
  ['a title set to null', UpdateTaskDto, { title: null }, '/title'],
  ['21 tasks in one session', SpawnSessionDto, { ...spawn, taskIds: Array.from({ length: 21 }, (_, i) => `t${i}`) }, '/taskIds'],
  ['a provider with a path', SpawnSessionDto, { ...spawn, providerType: '../demo' }, '/providerType'],
  ['a mode that does not exist', SpawnSessionDto, { ...spawn, mode: 'batch' }, '/mode'],
  ['a permission mode that does not exist', SpawnSessionDto, { ...spawn, permissionMode: 'yolo' }, '/permissionMode'],
  ['environment as a list', SpawnSessionDto, { ...spawn, environment: ['A=1'] }, '/environment'],
  ['an environment value that is a number', SpawnSessionDto, { ...spawn, environment: { A: 1 } }, '/environment/A'],
  ['an environment name with =', SpawnSessionDto, { ...spawn, environment: { 'A=B': '' } }, '/environment/A=B'],
  ['an environment name of ours', SpawnSessionDto, { ...spawn, environment: { ORBITMESH_TOKENS: '' } }, '/environment/ORBITMESH_TOKENS'],
  ['101 environment entries', SpawnSessionDto, { ...spawn, environment: entries(101) }, '/environment'],
  ['an environment value that is too long', SpawnSessionDto, { ...spawn, environment: { A: 'x'.repeat(32_001) } }, '/environment/A'],
  ['a secret that is a number', SpawnSessionDto, { ...spawn, secrets: { A: 1 } }, '/secrets/A'],
  ['custom as a list', SpawnSessionDto, { ...spawn, custom: [] }, '/custom'],
  ['custom 9 levels deep', SpawnSessionDto, { ...spawn, custom: nested(9) }, '/custom'],
  ['custom that is too large', SpawnSessionDto, { ...spawn, custom: { a: 'x'.repeat(65_536) } }, '/custom'],
  ['mcpServers as an object', SpawnSessionDto, { ...spawn, mcpServers: {} }, '/mcpServers'],
  ['an MCP server that is text', SpawnSessionDto, { ...spawn, mcpServers: ['x'] }, '/mcpServers/0'],
  ['more MCP servers than there may be, none of which is looked at', SpawnSessionDto, { ...spawn, mcpServers: Array<string>(21).fill('x') }, '/mcpServers'],
  ['an unknown key in an MCP server', SpawnSessionDto, { ...spawn, mcpServers: [{ name: 'a', command: '/b', url: '' }] }, '/mcpServers/0/url'],
  ['constructor in an MCP server', SpawnSessionDto, { ...spawn, mcpServers: [{ name: 'a', command: '/b', constructor: '' }] }, '/mcpServers/0/constructor'],
  ['an MCP server without a command', SpawnSessionDto, { ...spawn, mcpServers: [{ name: 'a' }] }, '/mcpServers/0/command'],
  ['an MCP argument that is a number', SpawnSessionDto, { ...spawn, mcpServers: [{ name: 'a', command: '/b', args: [1] }] }, '/mcpServers/0/args'],
  ['an empty input', InputDto, { text: '' }, '/text'],
  ['a timeline kind that does not exist', PostTimelineDto, { kind: 'done', message: 'x' }, '/kind'],
  ['a decision that does not exist', AnswerApprovalDto, { decision: 'maybe' }, '/decision'],
  ['a frame without a type', SubscribeFrameDto, {}, '/type'],
  ['an unknown key in a filter', SubscribeFrameDto, { type: 'subscribe', filter: { users: [] } }, '/filter/users'],
  ['a filter that is a list', SubscribeFrameDto, { type: 'subscribe', filter: [] }, '/filter'],
  ['a filter that is null', SubscribeFrameDto, { type: 'subscribe', filter: null }, '/filter'],
  ['a filter for a bad id', SubscribeFrameDto, { type: 'subscribe', filter: { sessionIds: ['>'] } }, '/filter/sessionIds'],
  ['a filter for every family', SubscribeFrameDto, { type: 'subscribe', filter: { types: ['*'] } }, '/filter/types'],
  ['an empty cursor', SubscribeFrameDto, { type: 'subscribe', after: '' }, '/after'],
  ['limit 0', PageQueryDto, { limit: '0' }, '/limit', 'query'],
  ['limit 201', PageQueryDto, { limit: '201' }, '/limit', 'query'],
  ['limit 1.5', PageQueryDto, { limit: '1.5' }, '/limit', 'query'],
  ['limit 1e2', PageQueryDto, { limit: '1e2' }, '/limit', 'query'],
  ['limit twice', PageQueryDto, { limit: ['1', '2'] }, '/limit', 'query'],
  ['an unknown parameter', PageQueryDto, { offset: '1' }, '/offset', 'query'],
  ['ready=yes', TaskQueryDto, { ready: 'yes' }, '/ready', 'query'],
  ['a status that does not exist in a query', TaskQueryDto, { status: 'open' }, '/status', 'query'],
  ['a cursor with a space', EventQueryDto, { after: 'a b' }, '/after', 'query'],
  ['a negative sessionSeq', SessionEventQueryDto, { after: '-1' }, '/after', 'query'],
];

describe('validateDto', () => {
  it.each(refused.map(([name, dto, input, pointer, part]) => [name, dto, input, pointer, part ?? 'body'] as const))('refuses %s with a pointer to it', (_name, dto, input, pointer, part) => {
    const error = refusal(() => validateDto(dto, input, part));

    expect(error.code).toBe('VALIDATION_FAILED');
    expect(pointersOf(error)).toContain(pointer);
    expect(error.details['errors']).toContainEqual(expect.objectContaining({ in: part, detail: expect.any(String) }));
  });

  it.each([
    'API_KEY', 'OPENAI_API_KEY', 'GITHUB_TOKEN', 'githubToken', 'DB_PASSWORD', 'PGPASSWD', 'CLIENT_SECRET', 'KEY', 'apiKey', 'AWS_CREDENTIALS',
    'DB_PWD', 'dbPwd', 'GITHUB_PAT', 'PASS', 'DB_PASS', 'DBPASS', 'DB_PASS2', 'DB_PASS_1', 'PASSCODE', 'GCPCREDENTIALFILE', 'OPENAIAPIKEY', 'APIKEYS',
  ])(
    'refuses the plain value %s and names the way to pass it', (name) => {
      const error = refusal(() => validateDto(SpawnSessionDto, { ...spawn, environment: { [name]: 'hunter2' } }));

      expect(error.code).toBe('SECRET_BY_VALUE');
      expect(pointersOf(error)).toEqual([`/environment/${name}`]);
      expect(error.message).toContain(`"env:${name}"`);
      expect(JSON.stringify(error)).not.toContain('hunter2');
    });

  it.each(['MAX_TOKENS', 'MONKEY', 'KEYBOARD_LAYOUT', 'TOKENIZERS_PARALLELISM', 'PWD', 'OLDPWD', 'NODE_ENV', 'PATH', 'PAT', 'PATTERN', 'COMPASS', 'MY_BYPASS', 'PASSTHROUGH', 'PASSIVE_MODE', 'SPATIAL', 'APIKIND'])('takes the plain value %s', (name) => {
    expect(validateDto(SpawnSessionDto, { ...spawn, environment: { [name]: '1' } }).environment).toEqual({ [name]: '1' });
  });

  it('refuses a secret given by value, without repeating it', () => {
    const error = refusal(() => validateDto(SpawnSessionDto, { ...spawn, secrets: { KEY: 'sk-hunter2' } }));

    expect(error.code).toBe('SECRET_BY_VALUE');
    expect(error.message + JSON.stringify(error.details)).not.toContain('hunter2');
  });

  it('takes a whole spawn body and fills in what an MCP server leaves out', () => {
    const body = {
      ...spawn, taskIds: ['task_1'], providerType: 'claude-code', workingDir: '/srv', name: 'n', mode: 'interactive', model: 'm',
      permissionMode: 'allow', teamMemberId: 'tm_1', parentSessionId: 'sess_0', initialDirective: 'go', systemPrompt: '',
      environment: { A: '1' }, secrets: { API_KEY: 'env:MY_KEY', CERT: 'file:/run/cert' }, custom: { deep: [{ ok: true }] },
    };

    const dto = validateDto(SpawnSessionDto, { ...body, mcpServers: [{ name: 'files', command: '/bin/files' }] });

    expect(JSON.parse(JSON.stringify(dto))).toEqual({ ...body, mcpServers: [{ name: 'files', command: '/bin/files', args: [], env: {} }] });
  });

  it('takes null where null means none', () => {
    expect(JSON.stringify(validateDto(UpdateTaskDto, { parentId: null, dueDate: null }))).toBe('{"parentId":null,"dueDate":null}');
  });

  it('reads numbers and flags out of a query string', () => {
    expect({ ...validateDto(TaskQueryDto, { limit: '200', ready: 'false', projectId: 'p' }, 'query') }).toMatchObject({ limit: 200, ready: false, projectId: 'p' });
  });
});

describe('parseJsonBody', () => {
  const bytes = (text: string) => Buffer.from(text);

  it.each([
    ['broken JSON', bytes('{"a":'), ''],
    ['an empty text', bytes(' '), ''],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), ''],
    ['a byte order mark', bytes('\uFEFF{}'), ''],
    ['a key twice', bytes('{"a":1,"b":{"a":1},"a":2}'), ''],
    ['a key twice, once escaped', bytes('{"a":1,"\\u0061":2}'), ''],
    ['a key twice deep down', bytes('[{"x":[{"y":1,"y":1}]}]'), ''],
    ['__proto__', bytes('{"a":{"__proto__":{}}}'), '/__proto__'],
    ['an escaped __proto__', bytes('{"\\u005f_proto__":{}}'), '/__proto__'],
    ['a NUL', bytes('{"a":["x\\u0000"]}'), '/a/0'],
    ['a lone surrogate', bytes('{"a":"\\ud800x"}'), '/a'],
    ['a lone surrogate in a key', bytes('{"\\udc00":1}'), ''],
    ['a number beyond all bounds', bytes('{"a":1e999}'), '/a'],
    ['a body 33 levels deep', bytes('['.repeat(33) + ']'.repeat(33)), ''],
    ['a body 100,000 levels deep', bytes('['.repeat(100_000) + ']'.repeat(100_000)), ''],
  ])('refuses %s', (_name, input, pointer) => {
    const error = refusal(() => parseJsonBody(input));

    expect(error.code).toBe('VALIDATION_FAILED');
    expect(pointersOf(error)).toEqual([pointer]);
  });

  it('takes what only looks like trouble', () => {
    const text = '{"a":"{\\"a\\":1,\\"a\\":2}","b":["a","a",{"a":"\\\\"}],"c":"\\ud83d\\ude00 é","d":-1.5e3,"constructor":[]}';

    expect(parseJsonBody(bytes(text))).toEqual(JSON.parse(text));
  });
});
