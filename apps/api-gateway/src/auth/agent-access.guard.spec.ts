import type { ExecutionContext } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { AgentAccessGuard } from './agent-access.guard.js';

const handler = (): void => undefined;
/** Somebody for whom the entrance set nothing: as if it had not been asked. */
const past = (request: object): ExecutionContext => ({ getHandler: () => handler, switchToHttp: () => ({ getRequest: () => ({ principal: null, params: {}, method: 'GET', ...request }) }) }) as unknown as ExecutionContext;

it('who came past the entrance without a token is refused by the guard, too', () => {
  const guard = new AgentAccessGuard();

  expect(() => guard.canActivate(past({ is404: false, routeOptions: { config: {} } }))).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }) as never);
  expect(() => guard.canActivate(past({ is404: true, routeOptions: { config: { open: true } } }))).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }) as never);
  expect(guard.canActivate(past({ is404: false, routeOptions: { config: { open: true } } }))).toBe(true);
});
