import { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ndJsonStream } from '@agentclientprotocol/sdk/unstable';
import { readAgentContext } from './agent-context.js';
import { DemoAgent } from './demo-agent.js';
import { TimelineReporter } from './timeline-reporter.js';

/** Grace for the answer of a turn to leave before a scripted exit: the SDK writes it after the handler returned. */
const EXIT_GRACE_MS = 50;

/** Agent Client Protocol over stdio; ends with 0 when its stdin ends. */
async function main(): Promise<void> {
  const warn = (message: string) => process.stderr.write(`demo-agent: ${message}\n`);
  const context = readAgentContext(process.env);
  const reporter = new TimelineReporter({
    apiUrl: context.options.noReport ? undefined : context.env.ORBITMESH_API_URL, token: context.env.ORBITMESH_TOKEN, sessionId: context.sessionId, warn,
  });
  if (!reporter.enabled) warn('nothing is reported: no ORBITMESH_API_URL and ORBITMESH_TOKEN, or told so by custom.demo.noReport');
  if (context.options.ignoreTerm) process.on('SIGTERM', () => warn('SIGTERM ignored'));
  const exit = (code: number) => void delay(EXIT_GRACE_MS).then(() => process.stdout.write('', () => process.exit(code)));
  const stream = ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>);
  await new DemoAgent(context, reporter, exit, warn).app().connect(stream).closed;
  if (context.options.ignoreTerm) {
    warn('end of stdin ignored');
    setInterval(() => {}, 60_000);
    return;
  }
  process.exit(0);
}

main().catch((error: Error) => {
  process.stderr.write(`demo-agent: ${error.message}\n`);
  process.exit(2);
});
