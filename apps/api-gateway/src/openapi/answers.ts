import type { ErrorCode } from '@orbitmesh/domain';
import type { AnswerName, AnswerTypes } from '@orbitmesh/contracts';

const ANSWERS = 'orbitmesh:answers';

export type SuccessStatus = 200 | 201 | 202 | 204;

/** What an operation answers when it goes well, and of what can go wrong what its path and body do not tell by themselves. */
export interface AnswerDescription {
  /** One sentence, for people. */
  summary: string;
  statuses: readonly SuccessStatus[];
  /** Named schemas of the body: one of these. Empty: there is none, or it is no JSON of ours. */
  schemas: readonly AnswerName[];
  mediaType: string;
  codes: readonly ErrorCode[];
  /** The operation's name, where it is not its method's. */
  name?: string;
  /** A part of it changes without a new revision: there is never a 304. */
  moving?: boolean;
  /** The gateway's own doing, which is in no log: there is no cursor behind it, and no revision. */
  local?: boolean;
}

export interface AnswerOptions { codes?: readonly ErrorCode[]; name?: string; moving?: boolean; local?: boolean }

type Method<Body> = (...args: never[]) => Promise<Body | undefined> | Body | undefined;
/** Only fits a method that returns what the named schema was made from. */
type MethodDecoratorFor<Body> = <M extends Method<Body>>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<M>) => void;

/** Says for the OpenAPI document what a controller's method answers. The name of a schema is a type of `AnswerTypes`: the compiler compares. */
export function Answers<N extends AnswerName>(
  status: SuccessStatus | readonly SuccessStatus[], schema: N | readonly N[], summary: string, options: AnswerOptions = {},
): MethodDecoratorFor<AnswerTypes[N]> {
  return described({ summary, statuses: [status].flat() as SuccessStatus[], schemas: [schema].flat() as N[], mediaType: 'application/json', codes: options.codes ?? [], name: options.name, moving: options.moving, local: options.local });
}

/** 204: done, and nothing to show. */
export function AnswersNothing(summary: string, options: AnswerOptions = {}): MethodDecoratorFor<null> {
  return described({ summary, statuses: [204], schemas: [], mediaType: 'application/json', codes: options.codes ?? [], name: options.name, local: options.local });
}

/** 200 with a body that none of our schemas describes: text, a stream, somebody else's format. */
export function AnswersMedia(mediaType: string, summary: string, options: AnswerOptions = {}): MethodDecoratorFor<unknown> {
  return described({ summary, statuses: [200], schemas: [], mediaType, codes: options.codes ?? [], name: options.name });
}

/** Undefined for a method that says nothing. */
export function answersOf(handler: object): AnswerDescription | undefined {
  return Reflect.getMetadata(ANSWERS, handler) as AnswerDescription | undefined;
}

function described(description: AnswerDescription) {
  return (_target: object, _key: string | symbol, descriptor: PropertyDescriptor): void => {
    Reflect.defineMetadata(ANSWERS, description, descriptor.value as object);
  };
}
