/**
 * What the stand-in model does, written into the prompt itself, so that the stand-in needs no state and
 * any number of agents can use one: `[[model {"say": …, "tools": […], "then": …}]]`. The step is the
 * number of tool results that came after the tag.
 */
export interface Scenario {
  /** Said before the first tool call. */
  say: string;
  /**
   * Called one after the other: the first tool offered whose name is one of `names`, or ends with one of
   * them (`report_progress` also finds `mcp__orbitmesh__report_progress`), with `args` where its schema
   * has them.
   */
  tools: { names: string[]; args: Record<string, unknown> }[];
  /**
   * Said when every tool has answered. `{{result}}` in it is what the last of them answered, `{{before}}`
   * the number of messages that the model had heard before this scenario.
   */
  then: string;
  /** Thought before `say`, where the API has thoughts. */
  think?: string;
  /** Tokens of every single answer of the model. Absent: counted from what was heard and said. */
  usage?: Partial<ModelUsage>;
  /** The model refuses to answer, from this step on (default 0), however often it is asked. */
  fail?: { status: number; atStep?: number; message?: string };
  /** Milliseconds between two pieces of a streamed answer, which then comes word by word. */
  slowMs?: number;
  /** The connection breaks in the middle of every answer. */
  cut?: true;
}

/** Tokens of one answer. `input` leaves cached ones out; `reasoning` is the part of `output` that was thought. */
export interface ModelUsage { input: number; output: number; cacheRead: number; cacheWrite: number; reasoning: number }

const TAG = /\[\[model (\{.*?\})\]\]/gs;

/** The prompt text that makes the stand-in act `scenario`. */
export function scenarioTag(scenario: Scenario): string {
  const json = JSON.stringify(scenario);
  if (json.includes(']]')) throw new Error('a scenario cannot contain "]]": it ends the tag');
  return `[[model ${json}]]`;
}

/** One message of a conversation, as far as the stand-in cares. */
export interface HeardMessage {
  text: string;
  toolResults: number;
  /** What the last tool of the message answered, where the dialect tells. */
  result?: string;
}

/** The next thing to do in a conversation. */
export interface ScenarioStep extends Pick<Scenario, 'think' | 'usage' | 'slowMs' | 'cut'> {
  text: string;
  tool?: Scenario['tools'][number];
  fail?: { status: number; message: string };
}

/** Undefined where nobody told a scenario. */
export function nextStep(messages: HeardMessage[]): ScenarioStep | undefined {
  // An agent may put two messages of its user into one: the last scenario counts, there too.
  const tags = messages.map(({ text }) => [...text.matchAll(TAG)].at(-1)?.[1]);
  const start = tags.findLastIndex((tag) => tag !== undefined);
  if (start < 0) return undefined;
  const scenario = JSON.parse(tags[start]!) as Scenario;
  const step = messages.slice(start + 1).reduce((sum, { toolResults }) => sum + toolResults, 0);
  const { think, usage, fail, slowMs, cut } = scenario;
  const result = messages.slice(start + 1).findLast(({ toolResults }) => toolResults > 0)?.result ?? '';
  const then = scenario.then.replaceAll('{{before}}', String(start)).replaceAll('{{result}}', () => result);
  const tool = scenario.tools[step];
  return {
    ...(tool ? { text: step === 0 ? scenario.say : '', tool } : { text: then }),
    ...(think && step === 0 ? { think } : {}),
    ...(fail && step >= (fail.atStep ?? 0) ? { fail: { status: fail.status, message: fail.message ?? `the stand-in fails with ${fail.status}` } } : {}),
    usage, slowMs, cut,
  };
}
