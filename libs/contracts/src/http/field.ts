import {
  ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsBoolean, IsIn, IsInt, IsObject, IsString, Length, Matches, Max, Min, ValidateBy,
  ValidateIf, ValidateNested,
} from 'class-validator';
import { ID_PATTERN, type ErrorCode } from '@orbitmesh/domain';

export type JsonSchema = Record<string, unknown>;
export type DtoClass<T extends object = object> = new () => T;

/** What is wrong with one value; `pointer` (RFC 6901) starts at that value. */
export interface FieldProblem { pointer: string; detail: string; code?: ErrorCode }
/** Finds everything that is wrong with a value no standard decorator describes. */
export type FieldCheck = (value: unknown) => FieldProblem[];

/** What we know of one property of a DTO, beside what class-validator checks of it. */
export interface Field {
  required: boolean;
  schema: JsonSchema;
  /** The class of the object, or of the objects in the array. */
  element?: () => DtoClass;
  /** Reads the value out of a query string; gives back what it cannot read, for the validator to refuse. */
  coerce?: (text: string) => unknown;
}

const registry = new Map<unknown, Map<string, Field>>();

/** Properties of a DTO by name, its ancestors' included: the only keys it takes, and the source of its JSON schema. */
export function fieldsOf(dto: unknown): ReadonlyMap<string, Field> | undefined {
  const own = registry.get(dto);
  const parent: unknown = typeof dto === 'function' ? Object.getPrototypeOf(dto) : null;
  const inherited = parent === null ? undefined : fieldsOf(parent);
  return inherited ? new Map([...inherited, ...(own ?? [])]) : own;
}

/** One property decorator out of class-validator's, which also registers the property. */
function field(spec: Partial<Field>, ...decorators: PropertyDecorator[]): PropertyDecorator {
  return (target, property) => {
    const fields = registry.get(target.constructor) ?? new Map<string, Field>();
    registry.set(target.constructor, fields);
    const before = fields.get(String(property)) ?? { required: true, schema: {} };
    fields.set(String(property), { ...before, ...spec, schema: { ...before.schema, ...spec.schema } });
    for (const decorate of decorators) decorate(target, property);
  };
}

/** May be left out; null is a value like any other (class-validator's IsOptional would let it through). */
export const Optional = () => field({ required: false }, ValidateIf((_dto, value) => value !== undefined));
/** May be left out, or null. */
export const OptionalOrNull = () => field({ required: false, schema: { nullable: true } }, ValidateIf((_dto, value) => value !== undefined && value !== null));
/** Must be there, and may be null. */
export const OrNull = () => field({ schema: { nullable: true } }, ValidateIf((_dto, value) => value !== null));

export const Text = (min: number, max: number) => field({ schema: { type: 'string', minLength: min, maxLength: max } }, IsString(), Length(min, max));
/** Text a person reads on one line: not blank. */
export const Name = (max: number) => field({ schema: { type: 'string', minLength: 1, maxLength: max } },
  IsString(), Length(1, max), Matches(/\S/, { message: '$property must not be blank' }));
export const Pattern = (pattern: RegExp, message: string) =>
  field({ schema: { type: 'string', pattern: pattern.source } }, IsString(), Matches(pattern, { message: `$property ${message}` }));
const ID_MESSAGE = 'must be an id: 1 to 64 of A-Z a-z 0-9 _ -';
export const Id = () => Pattern(ID_PATTERN, ID_MESSAGE);
export const OneOf = (values: readonly string[]) => field({ schema: { type: 'string', enum: [...values] } }, IsIn([...values]));

export const TextList = (items: number, chars: number) =>
  field({ schema: { type: 'array', maxItems: items, items: { type: 'string', maxLength: chars } } },
    IsArray(), ArrayMaxSize(items), IsString({ each: true }), Length(0, chars, { each: true }));
export const PatternList = (items: number, pattern: RegExp, message: string) =>
  field({ schema: { type: 'array', maxItems: items, uniqueItems: true, items: { type: 'string', pattern: pattern.source } } },
    IsArray(), ArrayMaxSize(items), ArrayUnique(), Matches(pattern, { each: true, message: `each value in $property ${message}` }));
export const IdList = (items: number) => PatternList(items, ID_PATTERN, ID_MESSAGE);
/** One or more of these, each once. */
export const SomeOf = (values: readonly string[]) =>
  field({ schema: { type: 'array', minItems: 1, maxItems: values.length, uniqueItems: true, items: { type: 'string', enum: [...values] } } },
    IsArray(), ArrayMinSize(1), ArrayMaxSize(values.length), ArrayUnique(), IsIn([...values], { each: true }));
export const ObjectOf = (element: () => DtoClass) => field({ element }, IsObject(), ValidateNested());
export const ListOf = (element: () => DtoClass, items: number) =>
  field({ element, schema: { type: 'array', maxItems: items } }, IsArray(), ArrayMaxSize(items), ValidateNested({ each: true }));

/** A list in a query string: `?types=a,b`, or the parameter once for each. */
export const splitList = (text: string): string[] => (text === '' ? [] : text.split(','));

/** Makes a list one that a query string gives with commas between. */
export const CommaSeparated = () => field({ coerce: splitList });

/** A value that `check` understands; its problems keep their own pointers. */
export const Checked = (name: string, check: FieldCheck, schema: JsonSchema, coerce?: Field['coerce']) =>
  field({ schema, ...(coerce && { coerce }) }, ValidateBy(
    { name, validator: { validate: (value) => check(value).length === 0, defaultMessage: () => `$property is not a valid ${name}` } },
    { context: { check } },
  ));

/** Whole numbers of a query string; also takes numbers, for bodies. */
export const Whole = (min: number, max: number) =>
  field({ schema: { type: 'integer', minimum: min, maximum: max }, coerce: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text) },
    IsInt(), Min(min), Max(max));
export const Flag = () =>
  field({ schema: { type: 'boolean' }, coerce: (text) => (text === 'true' ? true : text === 'false' ? false : text) }, IsBoolean());
