import { createInterface } from 'node:readline';
import { BEHAVIOURS } from './behaviours.js';
import { PROTOCOLS } from './wires.js';

/** An agent that does one thing wrong: `hostile-agent.js PROTOCOL BEHAVIOUR [BYTES]`. */
const [protocol, behaviour, bytes = '0'] = process.argv.slice(2);
const wire = PROTOCOLS[protocol]();
const does = BEHAVIOURS[behaviour](Number(bytes));

// Asked by who looks what there is, not by who runs it.
if (process.argv.includes('--version')) {
  process.stdout.write('1.0.0\n');
  process.exit(0);
}
does.begin?.();
if (does.stays) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 60_000);
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const wanted = wire.take(line, () => does.greeted?.() ?? true);
  if (wanted === 'prompted') does.prompted?.(wire);
  if (wanted === 'answered') does.answered?.(wire);
  if (wanted === 'cancelled') (does.cancelled ?? (() => wire.endTurn()))(wire);
});
