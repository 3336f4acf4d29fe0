import { expect, it } from '@jest/globals';
import { GatewayConfig } from '../gateway.config.js';
import { Door } from './door.js';

const PORT = 4750;

/** What becomes of a request to a gateway that listens there. */
function asked(listensOn: string, host: string, origin?: string): string {
  const door = new Door(Object.assign(new GatewayConfig(), { host: listensOn, allowRemote: true, allowedHosts: ['mesh.example'] }));
  try {
    door.check({ headers: { host, ...(origin !== undefined && { origin }) }, rawHeaders: ['Host', host], url: '/' }, PORT);
    return 'let in';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

it.each([
  ['192.0.2.7', '192.0.2.7:4750', 'http://192.0.2.7:4750'], ['fd00::1', '[fd00::1]:4750', 'http://[fd00::1]:4750'], ['Mesh.Local', 'mesh.local:4750', 'http://mesh.local:4750'],
])('the address it listens on, %s, is a name of its own', (listensOn, host, origin) => {
  expect(asked(listensOn, host, origin)).toBe('let in');
  expect(asked(listensOn, host.replace('4750', '80'))).toBe('HOST_NOT_ALLOWED');
  expect(asked(listensOn, host, origin.replace('http', 'https'))).toBe('ORIGIN_NOT_ALLOWED');
  expect(asked(listensOn, 'localhost:4750', 'http://localhost:4750')).toBe('let in');
});

it.each(['0.0.0.0', '::'])('%s is an address to listen on, and no name', (listensOn) => {
  for (const host of ['0.0.0.0:4750', '[::]:4750', '192.0.2.7:4750']) expect(asked(listensOn, host)).toBe('HOST_NOT_ALLOWED');
  expect(asked(listensOn, 'mesh.example')).toBe('let in');
});
