import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildManifest, READY_MADE_PROVIDERS } from '@orbitmesh/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answerAll, MANIFEST_INPUT } from './testing/any-answer.js';
import { TestHome } from './testing/test-home.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs', 'how-to')).map((name) => `docs/how-to/${name}`)];
/** They act on a whole home or its stack, or stay as long as their stdin: up-and-down.int.spec.ts, doctor.int.spec.ts, mcp.int.spec.ts. */
const ELSEWHERE = /^(up|down|doctor|backup|mcp)\b/;

interface Example { page: string; line: string; /** Of a block: all that one types. In a sentence it may be the command alone. */ whole: boolean }

/** Comments, and what a shell does with the output, are left out. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const block = /^```\w*\n([^]*?)^```$/gm;
  const of = (lines: string[], whole: boolean) => lines.flatMap((one) => /(?:^|\()(?:\.\/)?orbitmesh ([a-z][^#|>)]*)/.exec(one)?.[1].trim() ?? []).map((line) => ({ page, line, whole }));
  return [...of([...text.matchAll(block)].flatMap(([, lines]) => lines.split('\n')), true), ...of([...text.replaceAll(block, '').matchAll(/`([^`\n]+)`/g)].map(([, inline]) => inline), false)];
}

/** As the shell would split it; ids stand for ids. */
function wordsOf(line: string): string[] {
  const ids = line.replaceAll(/\b(sess|proj|task|tm|mail|whk|ntf|dlv)_…/g, '$1_1').replaceAll(/\bSESSION\b/g, 'sess_1').replaceAll(/\bAPPROVAL\b/g, 'appr_1');
  return [...ids.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, exact, quoted, plain]) => exact ?? quoted ?? plain);
}

const examples = PAGES.flatMap(examplesOf).map((example): [string, string, boolean] => [example.page, example.line, example.whole]);

describe('what the docs show', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await TestHome.make();
    await mkdir(join(home.dir, 'work'));
    // Programs of the agents' names.
    await mkdir(join(home.dir, 'bin'));
    for (const { program } of READY_MADE_PROVIDERS) {
      await writeFile(join(home.dir, 'bin', program), '#!/bin/sh\necho 1.0.0\n');
      await chmod(join(home.dir, 'bin', program), 0o755);
    }
  });
  beforeEach(() => home.api.forget());
  afterAll(() => home.remove());

  it('are examples, on every page about the CLI', () => {
    const pages = new Set(examples.map(([page]) => page));
    expect([...pages]).toEqual(expect.arrayContaining(['README.md', 'docs/how-to/use-the-cli.md', 'docs/how-to/let-agents-work-together.md']));
    expect(examples.length).toBeGreaterThan(50);
  });

  it.each(examples.filter(([, line]) => !ELSEWHERE.test(line)))('%s: orbitmesh %s', async (_page, line, whole) => {
    answerAll(home.api);
    await writeFile(join(home.dir, 'work', 'manifest.json'), buildManifest(MANIFEST_INPUT).json);
    const removed = /^provider remove (\S+)/.exec(line)?.[1];
    await writeFile(join(home.dir, 'providers.json'), JSON.stringify(removed ? { [removed]: { driver: 'process', command: ['/bin/true'] } } : {}));
    // The owner's token, which agents there are, and files that are written, are nothing for a session.
    const session = /^(token|provider)|--out /.test(line) ? { PATH: join(home.dir, 'bin') } : { ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_PROJECT_ID: 'proj_1', ORBITMESH_TASK_IDS: 'task_1', ORBITMESH_API_URL: home.api.url, ORBITMESH_TOKEN: 't' };
    const ctrlC = new AbortController();

    const ran = await home.cli(wordsOf(line), { env: session, cwd: join(home.dir, 'work'), signal: ctrlC.signal, screen: () => { if (/^events.* -f/.test(line)) ctrlC.abort(); } });

    if (ran.code !== 0 && !whole) expect(ran.err).toContain('missing required argument');
    else expect({ line, ...ran }).toMatchObject({ code: 0 });
  });
});
