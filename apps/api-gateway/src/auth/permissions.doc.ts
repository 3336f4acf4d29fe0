import { EventFilterDto, fieldsOf } from '@orbitmesh/contracts';
import { CONTROLLERS } from '../api/controllers.js';
import { CALLERS, frameRows, frameVerdict, permissionsOf, type Verdict } from './permissions.js';

const HEADS = ['nobody', 'admin', 'user: read', 'user: write', 'user: both', 'agent, of its own', 'agent, of another\'s', 'expired', 'revoked'];
const SHOWN: Readonly<Record<Verdict, string>> = { yes: 'yes', own: 'its own', 401: '401', 403: '403', 404: '404' };
const head = (first: string): string[] => [`| ${[first, ...HEADS].join(' | ')} |`, `| --- |${HEADS.map(() => ' --- |').join('')}`];

/** `docs/permissions.md`, rendered from what each route says of itself. */
export function renderPermissions(): string {
  const routes = permissionsOf(CONTROLLERS).map(({ operation: { method, path }, verdicts }) =>
    `| \`${method.toUpperCase()} ${path}\` | ${CALLERS.map((caller) => SHOWN[verdicts[caller]]).join(' | ')} |`);
  const frames = frameRows().map((row) => `| ${row.frame === 'the upgrade' ? row.frame : `\`${row.frame}\``} | ${CALLERS.map((caller) => SHOWN[frameVerdict(row, caller)]).join(' | ')} |`);
  return [
    '# Permissions',
    '',
    'Generated from the controllers of `apps/api-gateway` by `node tools/gen.mjs`; do not edit. Each cell has a test (`permissions.int.spec.ts`), and what is told by 403 or 404',
    'is compared on a real stack with what is told of something that is not there (`e2e/src/agents/agent-access.spec.ts`).',
    '',
    '- *yes*: the token may; what comes of it is for the state of things to say. *its own*: it is answered with what is its own alone.',
    '- 401: no token that is worth anything. An agent\'s is, from when its run begins until its session ends or another run has taken its place; one of an earlier run is *expired*.',
    '- 403: not with this token, whatever the request names. 404: what is another project\'s is answered as what is not there. To act as another session is 403.',
    '- HEAD is GET. A ticket is the token it was got for.',
    '',
    '## REST',
    ...head('route'),
    ...routes,
    '',
    '## `/ws`',
    'A frame is refused with an `error` frame; a token that ends closes the socket (4001).',
    '',
    ...head('frame'),
    ...frames,
    '',
    '## Filters',
    'Of `/ws` and `/api/events/stream`. A filter narrows; it never shows more than its token does without one.',
    '',
    '| filter | admin, users who may read | an agent |',
    '| --- | --- | --- |',
    '| none | every event | events of its session and of its tasks |',
    ...[...fieldsOf(EventFilterDto)!.keys()].map((field) => `| \`${field}\` | those it names | of these, those it names |`),
    '',
  ].join('\n');
}
