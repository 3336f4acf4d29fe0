import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './checkout.js';

type Schema = Record<string, unknown>;
type SchemaOfType = (file: string, typeName: string, namesFrom?: string) => { properties: Record<string, Schema>; $defs: Record<string, Schema> };

const SOURCE = `
/** A colour. */
export type Colour = 'red' | 'green';
export interface Page<T> { items: T[]; next: string | null }
/** A thing. */
export interface Thing {
  /** What it is called. */
  name: string;
  colour: Colour | null;
  weight?: number;
  tags: readonly string[];
  inside: Thing[];
  more: Record<string, unknown>;
}
const rpc = <Req, Res>(name: string): { name: string; types?: { req: Req; res: Res } } => ({ name });
export const Rpc = { get: rpc<{ id: string }, Thing>('get'), drop: rpc<Record<string, never>, null>('drop') };
type Payloads<C> = { [K in keyof C]: C[K] extends { types?: { req: infer Q; res: infer S } } ? { request: Q; response: S } : never };
export interface Published {
  names: { ThingPage: Page<Thing> };
  payloads: Payloads<typeof Rpc>;
  view: Omit<Thing, 'inside' | 'more'> & { status: 'on' };
  page: Page<Thing>;
  flag: boolean | null;
  one: 1 | 2;
  either: Thing | string[];
  pair: [string, number?];
}
export interface WithFunction { call(): void }
export interface WithDate { at: Date }
export interface Clash { a: A.Same; b: B.Same }
export namespace A { export interface Same { a: string } }
export namespace B { export interface Same { b: string } }
`;

describe('the schema of a type', () => {
  const directory = mkdtempSync(join(tmpdir(), 'om-types-'));
  const file = join(directory, 'types.ts');
  let schemaOfType: SchemaOfType;
  let published: ReturnType<SchemaOfType>;

  beforeAll(async () => {
    writeFileSync(file, SOURCE);
    ({ schemaOfType } = await import(pathToFileURL(join(ROOT, 'tools', 'lib', 'type-schemas.mjs')).href) as { schemaOfType: SchemaOfType });
    published = schemaOfType(file, 'Published', 'names');
  }, 60_000);

  afterAll(() => rmSync(directory, { recursive: true }));

  it('says what is required, what may be null, and what people wrote about it', () => {
    expect(published.$defs.Thing).toEqual({
      description: 'A thing.',
      type: 'object',
      properties: {
        name: { description: 'What it is called.', type: 'string' },
        colour: { anyOf: [{ $ref: '#/$defs/Colour' }, { type: 'null' }] },
        weight: { type: 'number' },
        tags: { type: 'array', items: { type: 'string' } },
        inside: { type: 'array', items: { $ref: '#/$defs/Thing' } },
        more: { type: 'object', additionalProperties: true },
      },
      required: ['name', 'colour', 'tags', 'inside', 'more'],
    });
    expect(published.$defs.Colour).toEqual({ description: 'A colour.', enum: ['green', 'red'] });
  });

  it('follows a contract\'s types through typeof, mapped and conditional types', () => {
    expect(published.properties.payloads.properties).toEqual({
      get: { type: 'object', properties: { request: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }, response: { $ref: '#/$defs/Thing' } }, required: ['request', 'response'] },
      drop: { type: 'object', properties: { request: { type: 'object', additionalProperties: false }, response: { type: 'null' } }, required: ['request', 'response'] },
    });
  });

  it('resolves Omit and intersections, in the order in which the fields are written', () => {
    const { properties, required } = published.properties.view as { properties: Schema; required: string[] };
    expect(Object.keys(properties)).toEqual(['name', 'colour', 'weight', 'tags', 'status']);
    expect(required).toEqual(['name', 'colour', 'tags', 'status']);
  });

  it('gives a generic type the name it is published under', () => {
    expect(published.properties.page).toEqual({ $ref: '#/$defs/ThingPage' });
    expect(published.$defs.ThingPage).toMatchObject({ title: 'Page<Thing>', required: ['items', 'next'] });
  });

  it('keeps unions, tuples and literals', () => {
    expect(published.properties.flag).toEqual({ type: ['boolean', 'null'] });
    expect(published.properties.one).toEqual({ enum: [1, 2] });
    expect(published.properties.either.anyOf).toEqual(expect.arrayContaining([{ $ref: '#/$defs/Thing' }, { type: 'array', items: { type: 'string' } }]));
    expect(published.properties.pair).toEqual({ type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false, minItems: 1 });
  });

  it.each([
    ['WithFunction', /call.*is a function/],
    ['WithDate', /at.*is a class of the language/],
    ['Clash', /two types called Same/],
    ['Missing', /exports no Missing/],
  ])('is refused for %s', (name, says) => {
    expect(() => schemaOfType(file, name)).toThrow(says);
  });
});
