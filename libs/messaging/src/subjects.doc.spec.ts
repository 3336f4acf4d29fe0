import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { AnyRunnerRpc, NotifierRpc, RunnerRpc, SessionRpc, Topics } from '@orbitmesh/contracts';
import { SCHEMAS } from '@orbitmesh/contracts/schemas';
import { renderSubjects, subjectCatalogue } from './subjects.doc.js';

const doc = (name: string): Promise<string> => readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/subjects.md and docs/subjects.schema.json', () => {
  it('say what the contracts say; if this fails, run: node tools/gen.mjs', async () => {
    expect(await doc('subjects.md')).toBe(renderSubjects(SCHEMAS));
    expect(JSON.parse(await doc('subjects.schema.json'))).toEqual(subjectCatalogue(SCHEMAS));
  });

  it('have a schema for every payload of every contract', () => {
    const catalogue = subjectCatalogue(SCHEMAS) as { $defs: object };
    const groups = { SessionRpc, RunnerRpc, AnyRunnerRpc, NotifierRpc };
    const names = Object.entries(groups).flatMap(([group, rpcs]) => Object.keys(rpcs).flatMap((key) => [`${group}.${key}.request`, `${group}.${key}.response`]));
    expect(Object.keys(catalogue.$defs)).toEqual(expect.arrayContaining([...names, ...Object.keys(Topics).map((key) => `Topics.${key}.message`)]));
  });
});
