// Lints texts as if they stood in the given files, in one process: `[{path, source, project}]` on stdin, the rules that fired on stdout.
// Without a project the rules that need types are off: the types of everything cost more than all the rest.
// Where `CI=true` the parser believes that each file is read once and takes it from the disk, whatever text it is given.
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';

const OFF = { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/no-misused-promises': 'off' };
const using = (project) => new ESLint({
  cwd: process.argv[2],
  overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { project: project ?? null, disallowAutomaticSingleRunInference: true } }, rules: project === undefined ? OFF : {} },
});
const untyped = using(undefined);
const answers = [];
for (const { path, source, project } of JSON.parse(await text(process.stdin))) {
  const eslint = project === undefined ? untyped : using(project);
  const [{ messages }] = await eslint.lintText(source, { filePath: path });
  answers.push([...new Set(messages.map((message) => message.ruleId ?? message.message))].sort());
}
process.stdout.write(JSON.stringify(answers));
