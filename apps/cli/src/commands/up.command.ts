import { startStack, type UpOptions } from '../start-stack.js';
import type { Register } from '../site.js';
import { stopStack, type DownOptions } from '../stop-stack.js';

const MORE_UP = 'Without --foreground it goes on in the background, and outlives this terminal; what it says is in run/logs/launcher.log of the home (ORBITMESH_HOME, default ~/.orbitmesh).';

export const registerUp: Register = (program) => {
  program.add<UpOptions>({
    name: 'up', about: 'start OrbitMesh, and wait until it is ready; says so when it already runs', more: MORE_UP,
    options: [['--keep-agents', 'agents go on when it is stopped, and the next start goes on with them'], ['--foreground', 'stay with it until Ctrl-C, as npm start does']],
  }, (context, { options }) => startStack(context, options));
};

export const registerDown: Register = (program) => {
  program.add<DownOptions>({
    name: 'down', about: 'stop OrbitMesh and its agents; does nothing when it does not run',
    options: [['--keep-agents', 'leave the agents at work; the next start goes on with them']], more: 'Exit code 1 when something did not end.',
  }, (context, { options }) => stopStack(context, options));
};
