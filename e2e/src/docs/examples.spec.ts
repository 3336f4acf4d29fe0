import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from '@orbitmesh/contracts';
import type { Mail, Project, ProviderInfo, SessionView, Task } from '@orbitmesh/domain';
import { eventually, schemaProblem, startStack, type TestStack } from '@orbitmesh/testing';
import { read, ROOT, trackedFiles } from '../repository/checkout.js';
import { Api } from '../support/api.js';
import { blocksOf, type Block } from './markdown.js';
import { Reader } from './reader.js';

/** Every page that shows how to do something, in the order in which one would read them. */
const PAGES = ['README.md', ...trackedFiles().filter((path) => path.startsWith('docs/how-to/')).sort()];
const BLOCKS = PAGES.flatMap((page) => blocksOf(page, read(page)));

/** Blocks that are not done here, by their page and how they begin, and why that is so. Everything else in `sh` is, line by line. */
const NOT_DONE_HERE: readonly { page: string; begins: string; because: string }[] = [
  { page: 'README.md', begins: 'npm start ', because: 'e2e/src/launcher/commands.spec.ts runs both' },
  { page: 'README.md', begins: '$ npm run demo', because: 'a transcript; e2e/src/launcher/commands.spec.ts runs the demo' },
  { page: 'README.md', begins: 'flowchart', because: 'a picture' },
  { page: 'docs/how-to/add-a-provider.md', begins: '', because: 'add-a-provider.spec.ts builds what it shows' },
  { page: 'docs/how-to/follow-the-feed.md', begins: 'id: in_…', because: 'what a stream looks like; stream.int.spec.ts compares its frames' },
  { page: 'docs/how-to/follow-the-feed.md', begins: '// stream.mjs', because: 'apps/api-gateway/src/live/feed-examples.int.spec.ts runs it' },
  { page: 'docs/how-to/follow-the-feed.md', begins: '// socket.mjs', because: 'apps/api-gateway/src/live/feed-examples.int.spec.ts runs it' },
  { page: 'docs/how-to/follow-the-feed.md', begins: 'const { ticket }', because: 'apps/api-gateway/src/live/feed-examples.int.spec.ts runs it' },
  { page: 'docs/how-to/give-access.md', begins: 'orbitmesh token rotate admin', because: "the other pages go on with the owner's token; apps/cli/src/real-stack.int.spec.ts rotates it" },
  { page: 'docs/how-to/use-the-cli.md', begins: '', because: 'apps/cli/src/docs.spec.ts runs each of its lines; here only what an agent types' },
  { page: 'docs/how-to/run-real-agents.md', begins: 'orbitmesh provider detect', because: 'apps/cli/src/docs.spec.ts runs each of its lines; npm run test:agents runs the agents' },
  { page: 'docs/how-to/give-agents-tools.md', begins: '→ ', because: 'a transcript; agent-access.spec.ts calls these tools on a real stack' },
  { page: 'docs/how-to/run-in-containers.md', begins: 'node tools/compose-secrets.mjs', because: 'it needs Docker; e2e/src/repository/compose.spec.ts makes the secrets and reads the file' },
  { page: 'docs/how-to/run-many-runners.md', begins: '', because: 'a drained runner would end the other pages; apps/cli/src/docs.spec.ts runs each of its lines, real-stack.int.spec.ts drains one' },
  { page: 'docs/how-to/let-others-reach-it.md', begins: '', because: 'e2e/src/launcher/remote.spec.ts and door.int.spec.ts start and ask what it shows' },
  { page: 'docs/how-to/watch-it.md', begins: 'scrape_configs', because: "Prometheus' own configuration" },
  { page: 'docs/how-to/receive-webhooks.md', begins: '// receiver.mjs', because: 'apps/notifier/src/webhooks/receiver-example.spec.ts runs it' },
];
/** What an agent types: done by one, in a session of its own. */
const BY_AGENTS: readonly { page: string; begins: string }[] = [{ page: 'docs/how-to/use-the-cli.md', begins: 'orbitmesh report progress' }];
const isIn = (list: readonly { page: string; begins: string }[]) => (block: Block): boolean => list.some((one) => one.page === block.page && block.lines[0].startsWith(one.begins));
const BY_PEOPLE = BLOCKS.filter((block) => !isIn(NOT_DONE_HERE)(block) && !isIn(BY_AGENTS)(block));
const named = (block: Block) => ({ ...block, name: `${block.page}:${block.line}` });

/** The CLI as an agent of that name would be driven: the demo agent, which any driver entry could be. */
const DEMO_AGENT = join(ROOT, 'apps', 'provider-runner', 'dist', 'demo-agent', 'main.js');

describe('the examples in the docs', () => {
  let user: string;
  let stack: TestStack;
  let reader: Reader;
  let api: Api;

  beforeAll(async () => {
    user = await realpath(await mkdtemp(join(tmpdir(), 'om-reader-')));
    const home = join(user, '.orbitmesh');
    for (const path of ['.orbitmesh', 'site', 'lighthouse', 'bin', '.config/fish/completions']) await mkdir(join(user, path), { mode: 0o700, recursive: true });
    const shown = BLOCKS.filter(({ page, language }) => page === 'README.md' && language === 'json').map(({ lines }) => JSON.parse(lines.join('\n')) as object);
    await writeFile(join(home, 'providers.json'), JSON.stringify({ ...shown[0], claude: { driver: 'acp', command: [process.execPath, DEMO_AGENT] }, typist: { driver: 'process', command: ['/bin/sh', '-e', join(user, 'typed.sh')] } }), { mode: 0o600 });
    for (const path of [join(user, 'site', 'orbitmesh'), join(user, 'bin', 'orbitmesh')]) await symlink(join(ROOT, 'orbitmesh'), path);
    stack = await startStack({ home });
    api = new Api(stack.url, stack.token);
    reader = new Reader({
      directory: join(user, 'site'),
      // A page may stop the stack and start it again, from a copy of its home: it comes back where it was.
      env: { HOME: user, PATH: [join(user, 'bin'), dirname(process.execPath), process.env.PATH].join(':'), NO_COLOR: '1', EDITOR: 'sed -i s/footer/header/', ORBITMESH_PORT: new URL(stack.url).port },
      substitutes: { 'http://localhost:4750': stack.url, '/home/me/site': join(user, 'site'), '/backups': join(user, 'backups') },
      staying: [
        { command: /session spawn .*--watch/, says: /orbitmesh-report-/ }, { command: / attach sess_/, says: /orbitmesh-report-/ },
        { command: / logs .* -f$/, says: /orbitmesh-report-/ }, { command: /events -f/, says: /^/ }, { command: /curl -sN/, says: /stream\.opened/ },
      ],
    });
  }, 120_000);
  afterAll(async () => {
    // Whoever started it last.
    await reader.follow(['orbitmesh down']).finally(() => stack.stop());
    await rm(user, { recursive: true, force: true });
  }, 60_000);

  it.each(BY_PEOPLE.filter(({ language }) => language === 'sh').map(named))('$name can be done as it stands there', async ({ lines }) => {
    await reader.follow(lines).finally(() => reader.leave());
  }, 180_000);

  it.each(BLOCKS.filter(isIn(BY_AGENTS)).map(named))('$name can be done by an agent as it stands there', async ({ lines }) => {
    const { id: projectId } = await api.post<Project>('/api/projects', { name: 'Typed', workingDir: join(user, 'site') });
    const spawn = (more: object): Promise<SessionView> => api.post<SessionView>('/api/sessions/spawn', { projectId, initialDirective: 'Type.', ...more });
    const task = await api.post<Task>('/api/tasks', { projectId, title: 'Type' });
    const other = await spawn({ custom: { demo: { hang: true } } });
    await writeFile(join(user, 'typed.sh'), lines.join('\n').replaceAll('sess_…', other.id));
    const { id } = await spawn({ providerType: 'typist', taskIds: [task.id] });

    await eventually(async () => (await api.get<Page<Mail>>(`/api/mail/inbox/${other.id}`)).items.length > 0, { what: 'its question', timeoutMs: 60_000 });
    await api.post('/api/mail', { toSessionId: id, body: 'The red one.' });
    const ended = await eventually(async () => {
      const session = await api.get<SessionView>(`/api/sessions/${id}`);
      return session.outcome && session;
    }, { what: 'its end', timeoutMs: 60_000 });
    expect(ended).toMatchObject({ state: 'stopped', status: 'completed' });
    expect(await api.get(`/api/tasks/${task.id}`)).toMatchObject({ status: 'in_review', taskSessionStatuses: { [id]: 'completed' } });
  }, 180_000);

  it.each(BY_PEOPLE.filter(({ language }) => language === 'json').map(named))('$name is JSON', ({ lines }) => {
    expect(JSON.parse(lines.join('\n'))).toEqual(expect.any(Object));
  });

  it('the providers of the README are taken as they stand there', async () => {
    const { items } = await api.get<{ items: ProviderInfo[] }>('/api/providers');
    expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(['gemini', 'tests', 'demo']));
  });

  it('what a webhook is sent is as its page says', () => {
    const [{ lines }] = BLOCKS.filter(({ page, language }) => page.endsWith('receive-webhooks.md') && language === 'json');
    expect(schemaProblem('WebhookPayload', JSON.parse(lines.join('\n')))).toBeNull();
  });
});

describe('every block of them', () => {
  it('is of a kind that is done here, or has a reason not to be', () => {
    expect(BY_PEOPLE.filter(({ language }) => !['sh', 'json'].includes(language)).map(named)).toEqual([]);
  });

  it('that has a reason not to be done here is still there', () => {
    expect(NOT_DONE_HERE.filter((one) => !BLOCKS.some((block) => block.page === one.page && block.lines[0].startsWith(one.begins)))).toEqual([]);
  });
});
