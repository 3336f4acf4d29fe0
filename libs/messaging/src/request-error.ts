import { AppError } from '@orbitmesh/domain';
import type { Rpc } from '@orbitmesh/contracts';
import { errors } from '@nats-io/transport-node';

export type Contract = Pick<Rpc<unknown, unknown>, 'owner' | 'name'>;

/** What NATS says of a request that got no answer, in our words. */
export function requestErrorOf({ owner, name }: Contract, cause: unknown): AppError {
  const details = { owner, request: name };
  if (cause instanceof errors.TimeoutError) return new AppError('TIMEOUT', undefined, details, { cause });
  if (cause instanceof errors.NoRespondersError || (cause instanceof errors.RequestError && cause.isNoResponders())) {
    return new AppError('UNAVAILABLE', undefined, { ...details, reason: 'no_responders' }, { cause });
  }
  if (cause instanceof Error && cause.cause instanceof errors.PermissionViolationError) {
    return new AppError('UNAVAILABLE', 'NATS does not allow this request.', { ...details, reason: 'permission' }, { cause });
  }
  return new AppError('UNAVAILABLE', undefined, { ...details, reason: 'connection' }, { cause });
}
