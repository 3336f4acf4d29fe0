// Lints texts as if they stood in the given files, in one process: `[{path, source}]` on stdin, the rules that fired on stdout.
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';

const eslint = new ESLint({ cwd: process.argv[2] });
const answers = [];
for (const { path, source } of JSON.parse(await text(process.stdin))) {
  const [{ messages }] = await eslint.lintText(source, { filePath: path });
  answers.push([...new Set(messages.map((message) => message.ruleId ?? message.message))].sort());
}
process.stdout.write(JSON.stringify(answers));
