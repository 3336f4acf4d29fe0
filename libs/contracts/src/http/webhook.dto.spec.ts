import { describe, expect, it } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import type { DtoClass } from './field.js';
import { NotificationQueryDto, ReadNotificationsDto } from './notification.dto.js';
import { CreateWebhookDto, DeliveryQueryDto, UpdateWebhookDto, WebhookQueryDto } from './webhook.dto.js';
import { validateDto, type RequestPart } from './validate.js';

const url = 'https://example.org/hooks?token=abc';

function refusalOf(dto: DtoClass, input: unknown, part?: RequestPart): AppError {
  try {
    validateDto(dto, input, part);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('was accepted');
}

describe('a webhook\'s URL', () => {
  it.each([url, 'http://127.0.0.1:8080/x', 'http://[::1]:1/', 'HTTPS://EXAMPLE.org', `https://example.org/${'x'.repeat(2_028)}`])('may be %s', (good) => {
    expect(validateDto(CreateWebhookDto, { url: good }).url).toBe(good);
  });

  it.each([
    ['missing', undefined], ['a number', 7], ['null', null], ['empty', ''], ['relative', '/hooks'], ['a file', 'file:/srv/hooks'], ['a script', 'javascript:alert(1)'],
    ['without a host', 'http://'], ['with a space', 'http://a b/'], ['with a line break', 'http://a/\nx'], ['with a port that is none', 'http://a:99999/'],
    ['with raw Unicode', 'http://a/ü'], ['with a fragment', 'http://a/#x'], ['of 2,049 characters', `https://example.org/${'x'.repeat(2_029)}`],
  ])('is refused when it is %s', (_name, bad) => {
    expect(refusalOf(CreateWebhookDto, { url: bad })).toMatchObject({ code: 'VALIDATION_FAILED', details: { errors: [{ pointer: '/url' }] } });
  });

  it.each(['https://user:hunter2@example.org/', 'https://hunter2@example.org/', 'https://:hunter2@example.org/'])('is refused with credentials, which are not repeated, and told what to do instead', (bad) => {
    const error = refusalOf(CreateWebhookDto, { url: bad });

    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', details: { errors: [{ pointer: '/url', detail: expect.stringContaining('/secret') }] } });
    expect(JSON.stringify([error.message, error.details])).not.toContain('hunter2');
  });
});

describe('what a webhook is made of', () => {
  it('is taken as it is, whole or in part', () => {
    const body = { url, name: 'pager', types: ['notify:needs_input', 'notify:session_failed'], projectId: null, active: false };
    expect({ ...validateDto(CreateWebhookDto, body) }).toEqual(body);
    expect({ ...validateDto(UpdateWebhookDto, { active: true }) }).toEqual({ active: true });
    expect({ ...validateDto(UpdateWebhookDto, {}) }).toEqual({});
  });

  it.each([
    ['types that are empty', { types: [] }, '/types'], ['types that are no list', { types: 'notify:*' }, '/types'], ['a type twice', { types: ['notify:*', 'notify:*'] }, '/types'],
    ['a type that is none', { types: ['notify:progress', 'notify:heat_death'] }, '/types/1'], ['a type of another family', { types: ['task:*'] }, '/types/0'],
    ['a type that is no text', { types: [null] }, '/types/0'], ['a type out of the prototype', { types: ['constructor'] }, '/types/0'],
    ['a project that is no id', { projectId: '../x' }, '/projectId'], ['a blank name', { name: ' ' }, '/name'], ['null for a name', { name: null }, '/name'],
    ['active as text', { active: 'true' }, '/active'], ['a secret of its own', { secret: 'whsec_x' }, '/secret'], ['a version of it', { secretVersion: 4 }, '/secretVersion'],
  ])('is refused with %s', (_name, fields, pointer) => {
    for (const dto of [CreateWebhookDto, UpdateWebhookDto]) {
      expect(refusalOf(dto, { url, ...fields })).toMatchObject({ code: 'VALIDATION_FAILED', details: { errors: [{ in: 'body', pointer }] } });
    }
  });
});

describe('queries', () => {
  it('name types once each, or with commas', () => {
    const wanted = ['notify:progress', 'notify:needs_input'];
    expect(validateDto(NotificationQueryDto, { types: wanted.join(',') }, 'query').types).toEqual(wanted);
    expect(validateDto(NotificationQueryDto, { types: wanted, unread: 'false' }, 'query')).toMatchObject({ types: wanted, unread: false });
  });

  it.each<[string, DtoClass, unknown, string, RequestPart]>([
    ['a type that is none', NotificationQueryDto, { types: 'notify:progress,x' }, '/types/1', 'query'],
    ['no type at all', NotificationQueryDto, { types: '' }, '/types', 'query'],
    ['unread that is neither', NotificationQueryDto, { unread: '1' }, '/unread', 'query'],
    ['a cursor of another list', WebhookQueryDto, { cursor: 'dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV' }, '/cursor', 'query'],
    ['a cursor that is none', DeliveryQueryDto, { cursor: 'dlv_x' }, '/cursor', 'query'],
    ['a state that is none', DeliveryQueryDto, { state: 'failed' }, '/state', 'query'],
    ['upTo that is no id', ReadNotificationsDto, { upTo: 'a/b' }, '/upTo', 'body'],
    ['an unknown key', ReadNotificationsDto, { all: true }, '/all', 'body'],
  ])('are refused with %s', (_name, dto, input, pointer, part) => {
    expect(refusalOf(dto, input, part)).toMatchObject({ details: { errors: [{ in: part, pointer }] } });
  });
});
