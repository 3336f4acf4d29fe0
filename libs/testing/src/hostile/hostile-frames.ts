import type { Chance } from '../seed.js';
import { hostileBytes, hostileJson, hostileText } from './hostile-text.js';

/** RFC 6455 §5.2. */
const TEXT = 1;
const BINARY = 2;
const PING = 9;

/** One frame of a client of `/ws`, as bytes; `whole`: what follows is read as another. */
export interface HostileFrame { bytes: Buffer; whole: boolean }

export function hostileFrame(chance: Chance, mark: string): HostileFrame {
  if (!chance.oneIn(8)) return { bytes: frame(TEXT, Buffer.from(said(chance, mark))), whole: true };
  const payload = hostileBytes(chance, chance.between(0, 120));
  return chance.pick<() => HostileFrame>([
    () => ({ bytes: frame(TEXT, payload), whole: true }), () => ({ bytes: frame(BINARY, payload), whole: true }), () => ({ bytes: frame(PING, payload), whole: true }),
    () => ({ bytes: frame(chance.between(0, 15), payload, { first: chance.between(0, 15) * 16 }), whole: false }), () => ({ bytes: frame(TEXT, payload, { masked: false }), whole: false }),
    () => ({ bytes: Buffer.concat([Buffer.from([0x81, 0xff]), hostileBytes(chance, 12)]), whole: false }), () => ({ bytes: frame(8, Buffer.from([chance.between(0, 255), chance.between(0, 255)])), whole: false }),
    () => ({ bytes: frame(TEXT, Buffer.alloc(chance.pick([65_536, 65_537, 200_000]), 0x20)), whole: true }), () => ({ bytes: frame(TEXT, payload, { first: 0 }), whole: false }), () => ({ bytes: hostileBytes(chance), whole: false }),
  ])();
}

/** What a client says when it means no harm: answered with a pong. */
export function pingFrame(): Buffer {
  return frame(TEXT, Buffer.from('{"type":"ping"}'));
}

function said(chance: Chance, mark: string): string {
  const value = () => hostileJson(chance, mark, 1);
  return chance.pick<() => string>([
    () => hostileJson(chance, mark), () => hostileText(chance, mark), () => `{"type":${value()}}`, () => `{"type":"subscribe","filter":${value()}}`, () => `{"type":"subscribe","filter":{"sessionIds":${value()},"types":${value()}},"after":${value()}}`,
    () => `{"type":"subscribe","filter":{"projectId":${value()},"taskIds":[${value()}]}}`, () => `{"type":"answer_approval","id":${value()},"sessionId":${value()},"approvalId":${value()},"decision":${value()}}`,
    () => `{"type":"answer_approval","sessionId":"sess_1","approvalId":"appr_1","optionId":${value()}}`, () => `{"type":"unsubscribe","__proto__":${value()}}`, () => `{"type":"ping","constructor":${value()}}`,
  ])();
}

function frame(opcode: number, payload: Buffer, { first = 0x80, masked = true } = {}): Buffer {
  const mask = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const bit = masked ? 0x80 : 0;
  const long = payload.length > 65_535;
  const length = payload.length < 126 ? Buffer.from([bit | payload.length]) : Buffer.from([bit | (long ? 127 : 126), ...(long ? [0, 0, 0, 0, payload.length >>> 24] : []), ...(long ? [(payload.length >>> 16) & 255] : []), (payload.length >>> 8) & 255, payload.length & 255]);
  const data = masked ? Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4])) : payload;
  return Buffer.concat([Buffer.from([(first & 0xf0) | opcode]), length, mask, data]);
}
