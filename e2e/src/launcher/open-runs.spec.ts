import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const { countRuns } = await import(new URL('../../../tools/lib/open-runs.mjs', import.meta.url).href) as { countRuns(home: string, slot: string): { open: number; living: number } };

let home: string;
beforeEach(() => { home = mkdtempSync(join(tmpdir(), 'om-open-runs-')); });
afterEach(() => rmSync(home, { recursive: true, force: true }));

it('the launcher counts the runs that are open also beside what is no run, so that it can stop', () => {
  const at = (...names: string[]): string => join(home, 'provider-runner/slot-0/runs', ...names);
  for (const [runId, phase] of [['run_1', 'started'], ['run_2', 'closed'], ['run_3', null]] as const) {
    mkdirSync(at(runId), { recursive: true });
    if (phase === null) symlinkSync(at(runId, 'run.json'), at(runId, 'run.json'));
    else writeFileSync(at(runId, 'run.json'), JSON.stringify({ phase }));
  }
  writeFileSync(at('core'), '');

  expect(countRuns(home, 'provider-runner/slot-0')).toEqual({ open: 1, living: 0 });
});
