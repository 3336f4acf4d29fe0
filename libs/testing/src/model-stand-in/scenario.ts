/**
 * What the stand-in model does, written into the prompt itself, so that the stand-in needs no state and
 * any number of agents can use one: `[[model {"say": …, "tools": […], "then": …}]]`. The step is the
 * number of tool results that came after the tag.
 */
export interface Scenario {
  /** Said before the first tool call. */
  say: string;
  /** Called one after the other: the first of `names` that the agent offers, with `args` where its schema has them. */
  tools: { names: string[]; args: Record<string, unknown> }[];
  /** Said when every tool has answered. */
  then: string;
}

const TAG = /\[\[model (\{.*?\})\]\]/s;

/** The prompt text that makes the stand-in act `scenario`. */
export function scenarioTag(scenario: Scenario): string {
  const json = JSON.stringify(scenario);
  if (json.includes(']]')) throw new Error('a scenario cannot contain "]]": it ends the tag');
  return `[[model ${json}]]`;
}

/** One message of a conversation, as far as the stand-in cares. */
export interface HeardMessage { text: string; toolResults: number }

export type ScenarioStep = { text: string; tool?: Scenario['tools'][number] };

/** The next thing to do in a conversation: undefined where nobody told a scenario. */
export function nextStep(messages: HeardMessage[]): ScenarioStep | undefined {
  const start = messages.findLastIndex(({ text }) => TAG.test(text));
  if (start < 0) return undefined;
  const scenario = JSON.parse(TAG.exec(messages[start].text)![1]) as Scenario;
  const results = messages.slice(start + 1).reduce((sum, { toolResults }) => sum + toolResults, 0);
  const tool = scenario.tools[results];
  return tool ? { text: results === 0 ? scenario.say : '', tool } : { text: scenario.then };
}
