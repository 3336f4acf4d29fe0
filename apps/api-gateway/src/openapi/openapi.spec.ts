import 'reflect-metadata';
import SwaggerParser from '@apidevtools/swagger-parser';
import { Controller, Delete, Get, Post, type Type } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import type { Project } from '@orbitmesh/domain';
import { SCHEMAS } from '@orbitmesh/contracts/schemas';
import { CONTROLLERS } from '../api/controllers.js';
import { Answers, AnswersNothing } from './answers.js';
import { openApiOf } from './openapi.js';
import { renderOpenApi } from './openapi.doc.js';
import { operationsOf } from './operations.js';

interface Described { operationId: string; summary: string; tags: string[]; parameters?: { $ref?: string; name?: string }[]; responses: Record<string, { headers?: object; $ref?: string }> }
type Document = { paths: Record<string, Record<string, Described>>; tags: { name: string; description?: string }[]; components: { schemas: object } };

const document = openApiOf(CONTROLLERS, SCHEMAS) as unknown as Document;
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
const named = (id: string): Described => operations.find(({ operationId }) => operationId === id)!;

describe('the OpenAPI document', () => {
  it('is one, to a public validator', async () => {
    await expect(SwaggerParser.validate(structuredClone(renderOpenApi(SCHEMAS)) as never)).resolves.toHaveProperty('openapi', '3.1.0');
  });

  it('names every operation once, and says in a sentence what it does', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z][a-zA-Z]*\.[a-z][a-zA-Z]*$/.test(id))).toEqual([]);
    expect(operations.filter(({ summary }) => !/^[A-Z].*\.$/.test(summary))).toEqual([]);
  });

  it('describes every group of them', () => {
    expect(document.tags.filter(({ description }) => !description)).toEqual([]);
    expect(new Set(operations.flatMap(({ tags }) => tags))).toEqual(new Set(document.tags.map(({ name }) => name)));
  });

  it('says which headers go in and come out', () => {
    const inHeaders = (id: string) => (named(id).parameters ?? []).flatMap(({ $ref }) => $ref?.split('/').at(-1) ?? []);
    expect(inHeaders('tasks.create')).toEqual(['IdempotencyKey']);
    expect(inHeaders('tasks.update')).toEqual(['IdempotencyKey', 'IfMatch']);
    expect(inHeaders('tasks.get')).toEqual(['IfNoneMatch']);
    expect(inHeaders('tasks.list')).toEqual([]);
    expect(Object.keys(named('tasks.create').responses[201].headers!)).toEqual(['ETag', 'Location', 'X-OrbitMesh-Cursor', 'Idempotent-Replayed']);
    expect(Object.keys(named('tasks.remove').responses[204].headers!)).toEqual(['X-OrbitMesh-Cursor', 'Idempotent-Replayed']);
  });

  it('says what an operation can be refused with, and with what status', () => {
    const refusals = (id: string) => Object.values(named(id).responses).flatMap(({ $ref }) => $ref?.split('/').at(-1) ?? []);
    expect(refusals('tasks.remove')).toEqual(expect.arrayContaining(['404.TASK_NOT_FOUND', '409.TASK_IN_USE', '412.REVISION_MISMATCH', '507.STORAGE_FULL']));
    expect(refusals('sessions.spawn').find((name) => name.startsWith('404'))?.split('.').slice(1).sort())
      .toEqual(['PROJECT_NOT_FOUND', 'PROVIDER_NOT_FOUND', 'SESSION_NOT_FOUND', 'TASK_NOT_FOUND', 'TEAM_MEMBER_NOT_FOUND']);
    expect(refusals('events.page')).toContain('410.CURSOR_GONE');
    expect(refusals('system.live').map((name) => name.slice(0, 3))).toEqual(['400', '403', '429']);
  });

  it('takes a body and parameters as they are validated, and answers as they are typed', () => {
    expect(document.components.schemas).toMatchObject({
      SpawnSessionDto: { additionalProperties: false, required: ['projectId'] },
      SessionView: { properties: { teamMember: { anyOf: [{ $ref: '#/components/schemas/TeamMember' }, { type: 'null' }] } } },
    });
    expect(named('ordering.get').parameters).toContainEqual({ name: 'entityType', in: 'path', required: true, schema: { enum: ['task', 'session'] } });
  });
});

describe('a controller', () => {
  it('must say of every route what it answers', () => {
    @Controller('api/dumb')
    class DumbController {
      @Get() list(): null { return null; }
    }
    expect(() => operationsOf([DumbController as Type])).toThrow(/DumbController\.list does not say what it answers/);
  });

  it('cannot say another answer than it gives: that would not compile', () => {
    @Controller('api/liars')
    class LiarsController {
      // @ts-expect-error -- a project is not a task
      @Answers(200, 'Task', 'Lies.')
      @Get() get(): Promise<Project> { return Promise.reject(new Error('never called')); }

      // @ts-expect-error -- it answers something
      @AnswersNothing('Lies.')
      @Delete() remove(): Promise<Project> { return Promise.reject(new Error('never called')); }

      @Answers(201, 'Project', 'Tells the truth.')
      @Post() create(): Promise<Project> { return Promise.reject(new Error('never called')); }
    }
    expect(operationsOf([LiarsController as Type]).map(({ id }) => id)).toEqual(['liars.get', 'liars.remove', 'liars.create']);
  });
});
