// For NODE_OPTIONS=--import: the wall clock of a process, set from outside while it runs. The file that
// ORBITMESH_TEST_CLOCK_FILE names holds by how many ms it is wrong; none is as right as the machine's.
import { readFileSync } from 'node:fs';

/** How soon a process notices that its clock was set. */
const LOOK_MS = 20;
const file = process.env.ORBITMESH_TEST_CLOCK_FILE;

if (file) {
  let shiftMs = 0;
  const look = () => {
    try {
      shiftMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      shiftMs = 0;
    }
  };
  look();
  setInterval(look, LOOK_MS).unref();
  const RealDate = Date;
  const now = () => RealDate.now() + shiftMs;
  globalThis.Date = new Proxy(RealDate, {
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
    construct: (target, given, newTarget) => Reflect.construct(target, given.length > 0 ? given : [now()], newTarget),
    apply: () => new RealDate(now()).toString(),
  });
}
