import { request, type IncomingHttpHeaders } from 'node:http';
import type { BadRequest } from './bad-requests.js';

/** Requests at once: one that is answered late does not hold up the rest. */
const AT_ONCE = 4;

export interface BadAnswer { status: number; headers: IncomingHttpHeaders; text: string }

/** Those of the requests that were not refused as they should be, and how not; no answer may repeat the canary they carry. */
export async function badInputFailures(url: string, requests: readonly BadRequest[], canary: string): Promise<string[]> {
  const failures: string[] = [];
  const left = [...requests].reverse();
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const request = next;
      const problem = await sendBad(url, request).then((answer) => (answer.text.includes(canary) ? `it repeats what is secret: ${answer.text}` : badAnswerProblem(request, answer)), (error: Error) => `no answer: ${error.message}`);
      if (problem !== null) failures.push(`${request.operation}, ${request.what}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
}

/** node:http, not fetch: path, headers and bytes go out as they are. */
export function sendBad(url: string, { method, path, headers, body }: BadRequest): Promise<BadAnswer> {
  const { hostname, port } = new URL(url);
  const payload = body === undefined ? undefined : Buffer.from(body);
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = request({
      hostname, port, method, path, agent: false,
      headers: { ...dropEmpty(headers), ...(payload !== undefined && !('transfer-encoding' in headers) && { 'content-length': payload.length }) },
    }, (incoming) => {
      answered = true;
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString() }));
      incoming.on('error', reject);
    });
    // A body of which nobody wanted the rest: what counts is whether the answer arrived.
    outgoing.on('error', (error) => { if (!answered) reject(error); });
    outgoing.end(payload);
  });
}

/** A header that is empty is sent so, except where that means: none. */
function dropEmpty(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => value !== '' || (name !== 'content-type' && name !== 'authorization')));
}

/** What is wrong with the answer to a bad request; null when it is one problem that points to the field. */
export function badAnswerProblem({ status, field }: BadRequest, answer: BadAnswer): string | null {
  const said = `${answer.status} ${answer.text.slice(0, 300)}`;
  if (answer.status !== status) return `not ${status}: ${said}`;
  if (answer.headers['content-type'] !== 'application/problem+json') return `no problem: ${answer.headers['content-type']}`;
  const problem = JSON.parse(answer.text) as { errors?: { in: string; pointer: string; detail: string }[]; [name: string]: unknown };
  const whole = problem['status'] === status && ['type', 'title', 'code', 'detail', 'traceId'].every((name) => typeof problem[name] === 'string');
  if (!whole) return `no whole problem: ${said}`;
  if (field === undefined) return null;
  const pointed = problem.errors?.some((error) => error.in === field.in && isAbout(error.pointer, field.pointer) && typeof error.detail === 'string');
  return pointed ? null : `no pointer to ${field.in} ${field.pointer || 'itself'}: ${said}`;
}

/** The field itself, something in it, or the list it is in. */
function isAbout(told: string, wrong: string): boolean {
  return told === wrong || told.startsWith(`${wrong}/`) || (told !== '' && wrong.startsWith(`${told}/`));
}
