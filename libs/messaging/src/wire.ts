import { AppError, ERROR_CODES, type ErrorCode, type ErrorDetails } from '@orbitmesh/domain';
import { newTraceId, traceContextOf, traceparentOf } from '@orbitmesh/contracts';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { MESSAGE_BYTES_MAX } from './limits.js';

/** Which request all this is for (W3C Trace Context, ADR-0036). */
export const TRACE_HEADER = 'traceparent';
/** Its presence says that the body is an error, its value is the code. */
export const ERROR_HEADER = 'om-error';

interface WireError { message: string; details: ErrorDetails }

export function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value ?? null));
}

/** @throws BODY_TOO_LARGE past MESSAGE_BYTES_MAX. */
export function encodeBounded(value: unknown, what: string): Buffer {
  const body = encode(value);
  if (body.length > MESSAGE_BYTES_MAX) {
    throw new AppError('BODY_TOO_LARGE', `${what} has ${body.length} bytes; one message carries ${MESSAGE_BYTES_MAX}.`, { bytes: body.length, limit: MESSAGE_BYTES_MAX });
  }
  return body;
}

/** @throws VALIDATION_FAILED when it is not JSON. */
export function decode(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'));
  } catch (cause) {
    throw new AppError('VALIDATION_FAILED', 'The message is not JSON.', {}, { cause });
  }
}

export function headersOf(fields: Record<string, string>): MsgHdrs {
  const h = headers();
  for (const [name, value] of Object.entries(fields)) h.set(name, value);
  return h;
}

/** Only message and details, beside the code in its header; the cause and the stack stay where they happened. */
export function encodeError(error: AppError): Buffer {
  const full = encode({ message: error.message, details: error.details } satisfies WireError);
  return full.length <= MESSAGE_BYTES_MAX ? full : encode({ message: error.message.slice(0, 1_000), details: {} } satisfies WireError);
}

/** The error the other side threw. A code that this version does not know arrives as INTERNAL, with the code in `details`. */
export function decodeError(code: string, data: Uint8Array): AppError {
  const body = decode(data) as WireError;
  if (Object.hasOwn(ERROR_CODES, code)) return new AppError(code as ErrorCode, body.message, body.details);
  return new AppError('INTERNAL', body.message, { ...body.details, code });
}

/** The trace of a message; a new one where whoever sent it named none. */
export function traceIdOf(fields: MsgHdrs | undefined): string {
  return traceContextOf(fields?.get(TRACE_HEADER))?.traceId ?? newTraceId();
}

export function traceHeader(traceId: string): Record<string, string> {
  return { [TRACE_HEADER]: traceparentOf(traceId) };
}
