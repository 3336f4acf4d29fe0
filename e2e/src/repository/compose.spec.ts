import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PARTIES } from '@orbitmesh/contracts';
import { parse } from 'yaml';
import { read, ROOT, trackedFiles } from './checkout.js';

interface Service {
  image: string; command: string[]; build?: { target: string; args: Record<string, string> }; ports?: string[]; volumes: string[]; tmpfs?: string[]; networks: string[];
  environment?: Record<string, string | number>; secrets: (string | { source: string; target: string })[]; depends_on?: Record<string, { condition: string }>; healthcheck: { test: string[] };
}
interface Compose { version: string; services: Record<string, Service>; volumes: Record<string, null>; networks: Record<string, { internal?: boolean } | null>; secrets: Record<string, { file: string }> }

/** Keys of a service that docker-compose 1.29 and the plugin both read. */
const SERVICE_KEYS = [
  'image', 'build', 'command', 'depends_on', 'environment', 'healthcheck', 'init', 'ports', 'restart', 'stop_grace_period', 'volumes',
  'user', 'read_only', 'cap_drop', 'security_opt', 'tmpfs', 'secrets', 'networks', 'pids_limit', 'mem_limit',
];
const OURS = ['session-service', 'provider-runner', 'api-gateway', 'notifier'];
const EVERY = ['nats', ...OURS];
/** Without what `${NAME:-…}` stands around it. */
const defaultOf = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const dockerfile = read('Dockerfile');

describe('docker-compose.yml', () => {
  it('has NATS and the four services, in a format that docker-compose 1.29 and the plugin read', () => {
    expect(compose.version).toBe('3.8');
    expect(Object.keys(compose.services).sort()).toEqual([...EVERY].sort());
    expect(Object.keys(PARTIES).sort()).toEqual([...OURS].sort());
    for (const service of Object.values(compose.services)) {
      expect(Object.keys(service).filter((key) => !SERVICE_KEYS.includes(key))).toEqual([]);
    }
  });

  it.each(EVERY)('leaves %s no rights: its own user, nothing to write but what it is given, no capabilities, bounds', (name) => {
    expect(compose.services[name]).toMatchObject({
      user: '10001:10001', read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number), mem_limit: expect.stringMatching(/^(\$\{\w+:-)?\d+[mg]\}?$/),
    });
    const writable = compose.services[name].volumes.filter((volume) => !volume.endsWith(':ro')).map((volume) => defaultOf(volume).split(':')[1]);
    expect(writable).toEqual(name === 'nats' ? [] : name === 'provider-runner' ? ['/var/lib/orbitmesh', '/workspace'] : ['/var/lib/orbitmesh']);
    for (const mount of compose.services[name].tmpfs ?? []) expect(mount).toMatch(/^\/(tmp|home\/orbitmesh):.*size=/);
  });

  it.each(OURS)('runs %s from the image, on the home\'s volume, as a user of NATS of its own', (name) => {
    const service = compose.services[name];
    expect(service.command).toEqual(['node', `apps/${name}/dist/main.js`]);
    expect(service.volumes).toContain('home:/var/lib/orbitmesh');
    expect(service.environment).toMatchObject({ ORBITMESH_NATS_URL: 'nats://nats:4222', ORBITMESH_NATS_PASSWORDS: '/run/secrets' });
    expect(service.secrets).toEqual([name]);
  });

  it('publishes the gateway, on loopback, and nothing else', () => {
    const published = Object.entries(compose.services).flatMap(([name, service]) => (service.ports ?? []).map((port) => [name, port]));
    expect(published).toEqual([['api-gateway', '127.0.0.1:${ORBITMESH_PORT:-4750}:4750']]);
  });

  it('keeps NATS and the record in a network that leads nowhere', () => {
    expect(compose.networks).toEqual({ bus: { internal: true }, outside: null });
    expect(Object.fromEntries(EVERY.map((name) => [name, compose.services[name].networks]))).toEqual({
      nats: ['bus'], 'session-service': ['bus'], 'provider-runner': ['bus', 'outside'], 'api-gateway': ['bus', 'outside'], notifier: ['bus', 'outside'],
    });
  });

  it('asks every container how it is, and starts services when those they wait for are well', () => {
    for (const name of EVERY) expect(compose.services[name].healthcheck.test[0]).toMatch(/^CMD/);
    const well = { condition: 'service_healthy' };
    expect(Object.fromEntries(OURS.map((name) => [name, compose.services[name].depends_on]))).toEqual({
      'session-service': { nats: well }, ...Object.fromEntries(['provider-runner', 'api-gateway', 'notifier'].map((name) => [name, { nats: well, 'session-service': well }])),
    });
    for (const name of OURS) {
      expect(compose.services[name].healthcheck.test.join()).toContain(String(compose.services[name].environment?.ORBITMESH_READY_FILE));
    }
  });

  it('lets runners and gateways be scaled: no fixed name, and a gateway is called by its name at any port of a range', () => {
    for (const name of ['provider-runner', 'api-gateway']) expect(compose.services[name]).not.toHaveProperty('container_name');
    expect(compose.services['provider-runner']).not.toHaveProperty('ports');
    expect(compose.services['api-gateway'].environment?.ORBITMESH_ALLOWED_HOSTS).toBe('api-gateway:4750,127.0.0.1,localhost');
  });

  it('declares every volume it names, and mounts only files that are there', () => {
    for (const mount of Object.values(compose.services).flatMap(({ volumes }) => volumes).map((one) => defaultOf(one).split(':')[0])) {
      if (mount.startsWith('./')) expect(trackedFiles()).toContain(mount.slice(2));
      else expect(Object.keys(compose.volumes)).toContain(mount);
    }
  });

  it('names exact versions of the images that are not made here', () => {
    const foreign = [compose.services.nats.image, compose.services.notifier.build!.args.NODE_IMAGE, /^ARG NODE_IMAGE=(.*)$/m.exec(dockerfile)![1]].map(defaultOf);
    for (const image of foreign) expect(image).toMatch(/^(nats|node):\d+\.\d+\.\d+-(alpine|bookworm-slim)$/);
    expect(foreign[1]).toBe(foreign[2]);
    for (const image of foreign) expect(read('docs/security-dependencies.md')).toContain(`\`${image}\``);
  });
});

function makeSecrets(dir: string): void {
  execFileSync(process.execPath, [join(ROOT, 'tools', 'compose-secrets.mjs'), dir]);
}

describe('the secrets of docker-compose.yml', () => {
  it('are files that the script makes, kept when it runs again, and in no file of the checkout', () => {
    const dir = mkdtempSync(join(tmpdir(), 'om-secrets-'));
    try {
      makeSecrets(dir);
      const made = (): Record<string, string> => Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
      const first = made();
      expect(Object.values(compose.secrets).map(({ file }) => defaultOf(file).replace('./.secrets/', '')).sort()).toEqual(Object.keys(first).sort());
      for (const name of OURS) expect(first['passwords.conf']).toContain(first[name].trim());
      // Read by another user in a container, and by nobody else out here.
      expect(statSync(dir).mode & 0o777).toBe(0o700);
      for (const name of Object.keys(first)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o444);

      makeSecrets(dir);
      expect(made()).toEqual(first);
      rmSync(join(dir, 'notifier'));
      makeSecrets(dir);
      expect(made().notifier).not.toBe(first.notifier);
      expect({ ...made(), notifier: '', 'passwords.conf': '' }).toEqual({ ...first, notifier: '', 'passwords.conf': '' });
      // What is no password is not written into a configuration.
      rmSync(join(dir, 'notifier'));
      writeFileSync(join(dir, 'notifier'), 'x"\nport: 1\n');
      makeSecrets(dir);
      expect(made()['passwords.conf']).not.toContain('port: 1');
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(read('.gitignore')).toMatch(/^\.secrets\/$/m);
    expect(read('.dockerignore')).toMatch(/^\.secrets$/m);
    expect(`${read('docker-compose.yml')}${read('.env.example')}${read('tools/compose/nats.conf')}`).not.toMatch(/PASSWORD=|password:|:[^/\s]+@/);
  });

  it('are given to the one container that needs each', () => {
    const given = Object.entries(compose.services).flatMap(([name, { secrets }]) => secrets.map((one) => [name, typeof one === 'string' ? one : one.source]));
    expect(given.sort()).toEqual([['nats', 'nats-passwords'], ...OURS.map((name) => [name, name])].sort());
    expect(given.map(([, secret]) => secret).sort()).toEqual(Object.keys(compose.secrets).sort());
  });
});

describe('the NATS of docker-compose.yml', () => {
  it('has the same users as that of a home, and switches on nothing else', () => {
    const conf = read('tools/compose/nats.conf');
    expect(compose.services.nats.volumes).toEqual(['./tools/compose/nats.conf:/etc/nats/orbitmesh.conf:ro', './tools/nats-users.conf:/etc/nats/users.conf:ro']);
    expect(conf.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual(['port: 4222', 'http: "127.0.0.1:8222"', 'max_payload: 1MB', 'include ./users.conf']);
    expect(compose.services.nats.secrets).toEqual([{ source: 'nats-passwords', target: '/etc/nats/nats/passwords.conf' }]);
  });

  it('is configured as nats-server takes it', async () => {
    const { ensureNatsServer } = await import(new URL('../../../tools/nats-server.mjs', import.meta.url).href) as { ensureNatsServer: () => Promise<string> };
    const dir = mkdtempSync(join(tmpdir(), 'om-nats-'));
    try {
      makeSecrets(join(dir, 'nats'));
      for (const [from, to] of [['tools/compose/nats.conf', 'orbitmesh.conf'], ['tools/nats-users.conf', 'users.conf']]) writeFileSync(join(dir, to), read(from));
      expect(spawnSync(await ensureNatsServer(), ['-t', '-c', join(dir, 'orbitmesh.conf')], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: expect.stringContaining('is valid') });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('the Dockerfile', () => {
  it('has the targets that compose may ask for', () => {
    const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((match) => match[1]);
    expect(stages).toEqual(['base', 'prebuilt', 'build', 'runtime']);
    expect(compose.services['api-gateway'].build?.target).toBe('${ORBITMESH_BUILD_TARGET:-runtime}');
  });

  it('runs as its own user in every target that compose may ask for', () => {
    expect(dockerfile).toContain('useradd --uid 10001');
    for (const target of ['prebuilt', 'runtime']) {
      const stage = dockerfile.slice(dockerfile.indexOf(`AS ${target}`)).split(/^FROM /m)[0];
      expect(stage).toContain('USER orbitmesh');
    }
  });

  it('installs what the lock file says, and runs no script of a package', () => {
    expect([...dockerfile.matchAll(/npm (?:ci|install).*/g)].map(([line]) => line)).toEqual([expect.stringMatching(/^npm ci .*--ignore-scripts/)]);
  });
});
