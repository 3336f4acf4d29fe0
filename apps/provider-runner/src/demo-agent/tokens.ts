/**
 * The demo agent has no model, so it counts tokens by a rule that is stated and really applied: four
 * characters are one token, rounded up for each piece of text. Input is what it reads (the prompt,
 * file texts, git's answers), output is what it writes (messages, thoughts, the report).
 */
export const CHARACTERS_PER_TOKEN = 4;

export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
}

/** Counts what one turn reads and writes. */
export class TokenCounter {
  private input = 0;
  private output = 0;

  read(characters: number): void {
    this.input += Math.ceil(characters / CHARACTERS_PER_TOKEN);
  }

  wrote(text: string): void {
    this.output += Math.ceil(text.length / CHARACTERS_PER_TOKEN);
  }

  get usage(): TokenUsage {
    return { inputTokens: this.input, outputTokens: this.output, totalTokens: this.input + this.output };
  }
}
