import { validateSync, type ValidationError } from 'class-validator';
import { AppError, type ErrorCode } from '@orbitmesh/domain';
import { isPlainObject, pointerTo } from './checks.js';
import { fieldsOf, type DtoClass, type Field, type FieldCheck, type FieldProblem } from './field.js';
import { PROBLEMS_MAX } from './limits.js';

/** Where in the request a value came from. */
export type RequestPart = 'body' | 'query' | 'path' | 'header';

/** One entry of a problem's `errors`; `pointer` is RFC 6901, from the root of its part. */
export interface RequestProblem { in: RequestPart; pointer: string; detail: string }

/**
 * Plain JSON (or a parsed query string) → an instance that holds what its decorators say, and no key beside.
 * @throws VALIDATION_FAILED or SECRET_BY_VALUE, with a pointer for each problem
 */
export function validateDto<T extends object>(dto: DtoClass<T>, input: unknown, part: RequestPart = 'body'): T {
  const problems: FieldProblem[] = [];
  const instance = instantiate(dto, input, '', problems, part === 'query');
  if (problems.length === 0) collect(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true, stopAtFirstError: true }), '', problems);
  if (problems.length > 0) throw validationError(problems, part);
  return instance as T;
}

export function validationError(problems: readonly FieldProblem[], part: RequestPart): AppError {
  const code: ErrorCode = problems.find((problem) => problem.code)?.code ?? 'VALIDATION_FAILED';
  const errors: RequestProblem[] = problems.slice(0, PROBLEMS_MAX).map(({ pointer, detail }) => ({ in: part, pointer, detail }));
  const first = errors[0];
  return new AppError(code, `${first.in}${first.pointer ? ` ${first.pointer}` : ''}: ${first.detail}`, { errors });
}

/**
 * Copies only registered keys. class-validator's own whitelist looks names up in a plain object, and so
 * would let `constructor` or `hasOwnProperty` through.
 */
function instantiate(dto: DtoClass, input: unknown, pointer: string, problems: FieldProblem[], coerce: boolean): object {
  const instance = new dto();
  if (!isPlainObject(input)) {
    problems.push({ pointer, detail: 'must be an object' });
    return instance;
  }
  const fields = fieldsOf(dto);
  if (!fields) throw new TypeError(`${dto.name} has no registered fields`);
  for (const key of Object.keys(input)) {
    const field = fields.get(key);
    if (!field) {
      problems.push({ pointer: pointer + pointerTo(key), detail: 'is not a known field' });
      continue;
    }
    let value = input[key];
    if (coerce && field.coerce && typeof value === 'string') value = field.coerce(value);
    if (field.element) {
      if (hasTooMany(field, value)) problems.push({ pointer: pointer + pointerTo(key), detail: `must contain no more than ${String(field.schema['maxItems'])} elements` });
      else value = instantiateNested(field.element(), value, pointer + pointerTo(key), problems, field.schema['type'] === 'array');
    }
    Object.defineProperty(instance, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return instance;
}

/** Seen before its elements are looked at: a body holds tens of thousands. */
function hasTooMany({ schema: { maxItems } }: Field, value: unknown): boolean {
  return Array.isArray(value) && typeof maxItems === 'number' && value.length > maxItems;
}

/** What is of the wrong kind stays as it is, for its decorators to refuse. */
function instantiateNested(dto: DtoClass, value: unknown, pointer: string, problems: FieldProblem[], many: boolean): unknown {
  if (!many) return isPlainObject(value) ? instantiate(dto, value, pointer, problems, false) : value;
  return Array.isArray(value) ? value.map((item, index) => instantiate(dto, item, pointer + pointerTo(index), problems, false)) : value;
}

function collect(errors: readonly ValidationError[], pointer: string, problems: FieldProblem[]): void {
  for (const error of errors) {
    const here = pointer + pointerTo(error.property);
    if (error.children?.length) collect(error.children, here, problems);
    for (const [name, detail] of Object.entries(error.constraints ?? {})) {
      const check = (error.contexts?.[name] as { check?: FieldCheck } | undefined)?.check;
      if (check) problems.push(...check(error.value).map((problem) => ({ ...problem, pointer: here + problem.pointer })));
      else problems.push({ pointer: here, detail });
    }
  }
}
