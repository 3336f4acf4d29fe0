import { SERVICE_NAMES, type ServiceName } from '@orbitmesh/contracts';
import { passwordVariable, permissionsOf } from './permissions.js';

/** `tools/nats-users.conf`: the users of a NATS that OrbitMesh runs, for the launcher and for compose; their passwords are elsewhere. */
export function renderNatsUsers(): string {
  return [
    '# Who may do what on NATS. Generated from `libs/contracts` by `node tools/gen.mjs`; do not edit.',
    '# Passwords: nats/passwords.conf beside the file that has this in it, readable by its owner only.',
    'include ./nats/passwords.conf',
    'authorization {',
    '  users: [',
    ...SERVICE_NAMES.flatMap(userOf),
    '  ]',
    '}',
    '',
  ].join('\n');
}

function userOf(service: ServiceName): string[] {
  const { publish, subscribe, answers } = permissionsOf(service);
  return [
    '    {',
    `      user: "${service}", password: $${passwordVariable(service)}`,
    '      permissions {',
    ...listOf('publish', publish),
    ...listOf('subscribe', subscribe),
    ...(answers ? ['        allow_responses: true'] : []),
    '      }',
    '    }',
  ];
}

function listOf(what: string, subjects: string[]): string[] {
  return [`        ${what} { allow: [`, ...subjects.map((subject) => `          "${subject}"`), '        ] }'];
}

/** `docs/nats-permissions.md`: the same for people. */
export function renderNatsPermissions(): string {
  return [
    '# Who may do what on NATS',
    '',
    'Generated from `libs/contracts` by `node tools/gen.mjs`; do not edit. Why it is so: [ADR-0030](adr/0030-a-nats-user-for-each-service.md).',
    'What each subject carries: [subjects.md](subjects.md).',
    '',
    'Each service is a NATS user of its own, with a password of its own. It may do what stands here and nothing else; `*` is one word, `>` one or more.',
    'Nobody may listen to another\'s inbox, to `>` or to the server\'s own subjects, and whoever has no password may do nothing. A service that answers may',
    'answer each request it was sent once, within two minutes (`allow_responses`).',
    '',
    'For a NATS of your own: the same as its configuration is [`tools/nats-users.conf`](../tools/nats-users.conf). Where several installations share it, put the',
    'installation\'s id (`installation.json`) in place of the first `*` of every subject, and give each its users and an account of its own.',
    ...SERVICE_NAMES.flatMap((service) => {
      const { publish, subscribe, answers } = permissionsOf(service);
      return [
        '', `## ${service}`, '',
        `Listens to ${subscribe.map(asCode).join(', ')}.`, '',
        `Publishes to ${answers ? 'the inbox of whoever asked it, and to' : 'these only'}:`, '',
        ...publish.map((subject) => `- ${asCode(subject)}`),
      ];
    }),
    '',
  ].join('\n');
}

function asCode(text: string): string {
  return `\`${text}\``;
}
