import { fileURLToPath } from 'node:url';
import type { Manifest } from '@orbitmesh/domain';
import { describeDriverConformance } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../../testing/runner-main.js';

const SCRIPTED_CODEX = fileURLToPath(new URL('../../../dist/testing/scripted-codex.js', import.meta.url));
const told = (prompt: string): Partial<Manifest> => ({ prompt, initialDirective: prompt, provider: { type: 'codex', model: null, permissionMode: 'ask', mcpServers: [], custom: {} } });

describeDriverConformance('codex', {
  runnerMain: RUNNER_MAIN,
  providers: { codex: { driver: 'codex', command: [process.execPath, SCRIPTED_CODEX], env: { OPENAI_API_KEY: 'scripted' } } },
  provider: 'codex',
  brief: true,
  counting: told('count'),
  stubborn: told('stubborn'),
  exits: told('exit'),
  saying: (text) => `say ${text}`,
  asking: { manifest: told('ask'), allowed: /allowed/, denied: /denied/ },
  continuing: { manifest: told('recall'), remembers: /I remember count/ },
});
