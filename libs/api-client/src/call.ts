import { OPERATIONS, type OperationId, type OperationTypes } from './generated/operations.js';
import { Transport, type ApiAnswer, type CallOptions, type ConnectionOptions } from './transport.js';

export type OperationInput<Id extends OperationId> = Omit<OperationTypes[Id], 'answer'>;
export type OperationAnswer<Id extends OperationId> = OperationTypes[Id]['answer'];
/** An operation that needs nothing may be called with nothing. */
type Arguments<Id extends OperationId, Options> = object extends OperationInput<Id>
  ? [input?: OperationInput<Id>, options?: Options] : [input: OperationInput<Id>, options?: Options];
type SendOptions = CallOptions & { attemptMs?: number; once?: boolean };

/** Calls any operation of the OpenAPI document by its id, typed by it. */
export class Operations {
  private readonly transport: Transport;

  constructor(connection: ConnectionOptions) {
    this.transport = new Transport(connection);
  }

  /** The whole answer. @throws ApiError, UnreachableError */
  call<Id extends OperationId>(id: Id, ...[input, options]: Arguments<Id, SendOptions>): Promise<ApiAnswer<OperationAnswer<Id>>> {
    const { method, path } = OPERATIONS[id];
    const { params, query, body } = (input ?? {}) as { params?: Record<string, string>; query?: object; body?: unknown };
    return this.transport.send<OperationAnswer<Id>>({ method, path: filled(path, params), query, body, ...options });
  }

  /** The body alone. @throws ApiError, UnreachableError */
  async read<Id extends OperationId>(id: Id, ...args: Arguments<Id, SendOptions>): Promise<OperationAnswer<Id>> {
    return (await this.call(id, ...args)).body;
  }
}

/** @throws TypeError for a parameter that is missing: the path would lead elsewhere */
function filled(path: string, params: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    if (params[name] === undefined) throw new TypeError(`${path} needs ${name}`);
    return encodeURIComponent(params[name]);
  });
}
