import { expect, it } from '@jest/globals';
import type { Principal } from '../auth/principal.js';
import { Shares } from './shares.js';

const OWNER: Principal = { actor: { kind: 'admin' }, tokenId: 'admin' };
const user = (id: string): Principal => ({ actor: { kind: 'user', tokenId: id }, tokenId: `user:${id}` });
const agent = (id: string): Principal => ({ actor: { kind: 'agent', sessionId: id }, tokenId: `agent:${id}` });
/** How many of all the places it gets. */
const taken = (shares: Shares, principal: Principal): number => {
  let count = 0;
  while (shares.take(principal)) count += 1;
  return count;
};

it('one agent gets an eighth of the places, one user half, and the owner all', () => {
  expect([agent('a'), user('a'), OWNER].map((one) => taken(new Shares(80), one))).toEqual([10, 40, 80]);
});

it('all others together leave the owner an eighth', () => {
  const shares = new Shares(80);
  for (const id of ['a', 'b', 'c', 'd']) taken(shares, user(id));
  taken(shares, agent('a'));

  expect(shares.taken).toBe(70);
  expect(taken(shares, OWNER)).toBe(10);
});

it('what is left can be had again', () => {
  const shares = new Shares(80);
  taken(shares, agent('a'));
  shares.leave(agent('a'));

  expect(taken(shares, agent('a'))).toBe(1);
  expect(shares.taken).toBe(10);
});
