import { spawn } from 'node:child_process';
import { openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Wire } from './wires.js';

/** What goes wrong, and when. A wire calls these; what is missing is done as it should be. */
export interface Behaviour {
  /** Right after the program began; nothing was read yet. */
  begin?(): void;
  /** It is greeted: false leaves the greeting without an answer. */
  greeted?(): boolean;
  /** A turn of it began. */
  prompted?(wire: Wire): void;
  /** Its question was answered. */
  answered?(wire: Wire): void;
  /** Its turn is to be broken off. */
  cancelled?(wire: Wire): void;
  /** Neither the end of its stdin nor SIGTERM ends it. */
  stays?: true;
}

/** Long enough to be still there when nobody ends it, and gone by itself where nobody ever does. */
const CHILD_SECONDS = 600;
const CHUNK = Buffer.alloc(1024 * 1024, 'x');

/** A process that leaves tree and group, ignores SIGTERM and lives on. */
function escape(): void {
  // eslint-disable-next-line no-restricted-syntax -- a tree that does not end is the test
  spawn('/bin/sh', ['-c', `setsid sh -c 'trap "" TERM HUP; sleep ${CHILD_SECONDS}' >/dev/null 2>&1 & exit 0`], { detached: true, stdio: 'ignore' }).unref();
}

/** Writes a file that nobody can remove until the device is full; its room is given back when its owner is gone. */
function fillTheDisk(): void {
  const path = join(process.env.ORBITMESH_AGENT_STATE!, 'full');
  const fd = openSync(path, 'w');
  rmSync(path);
  for (let bytes = CHUNK.length; bytes > 0; ) {
    try {
      writeSync(fd, CHUNK, 0, bytes);
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
}

function finish(wire: Wire): void {
  wire.say('still there');
  wire.endTurn();
}

/** By name, as the agent's last argument says. `bytes` is one more argument. */
export const BEHAVIOURS: Record<string, (bytes: number) => Behaviour> = {
  'exits-before-anything': () => ({ begin: () => process.exit(7) }),
  'hangs-in-its-greeting': () => ({ greeted: () => false }),
  'prints-one-long-line': (bytes) => ({
    prompted: (wire) => {
      for (let written = 0; written < bytes; written += CHUNK.length) wire.write(CHUNK);
      wire.write('\n');
      finish(wire);
    },
  }),
  'writes-what-is-no-utf-8': () => ({
    prompted: (wire) => {
      const [before, after] = wire.frameOf('before|after').split('|');
      wire.write(Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]), Buffer.from(after)]));
      finish(wire);
    },
  }),
  'ends-in-half-a-frame': () => ({
    prompted: (wire) => {
      const frame = wire.frameOf('never said');
      wire.write(frame.slice(0, frame.length / 2));
      process.exit(0);
    },
  }),
  'writes-what-is-no-frame': () => ({
    prompted: (wire) => {
      for (const line of ['null', '42', '[]', '[{}]', '{}', '{"jsonrpc":"2.0","id":{}}', '{"type":7}', '{"id":"om:prompt","error":"no"}', '{{{', '\u0000\u0001', '']) wire.write(`${line}\n`);
      finish(wire);
    },
  }),
  'asks-for-an-unknown-tool': () => ({ prompted: (wire) => wire.ask({ tool: 'nobody-knows-this', options: true }), answered: finish }),
  'asks-without-saying-what': () => ({ prompted: (wire) => wire.ask({ tool: null, options: false }), answered: finish }),
  'ends-its-turn-twice': () => ({
    prompted: (wire) => {
      wire.endTurn();
      finish(wire);
    },
  }),
  'leaves-without-a-result': () => ({
    prompted: (wire) => {
      wire.say('working');
      process.exit(0);
    },
  }),
  'falls-silent': () => ({ prompted: (wire) => wire.say('working') }),
  'ignores-being-cancelled': () => ({ prompted: (wire) => wire.say('working'), cancelled: () => undefined, stays: true }),
  'fills-the-disk': () => ({ prompted: fillTheDisk, stays: true }),
  'forks-and-leaves': () => ({
    prompted: (wire) => {
      escape();
      finish(wire);
      process.exit(0);
    },
  }),
  'dies-in-the-middle-of-a-tool': () => ({
    prompted: (wire) => {
      escape();
      wire.startTool();
      process.kill(process.pid, 'SIGKILL');
    },
  }),
};
