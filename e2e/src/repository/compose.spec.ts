import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { read, trackedFiles } from './checkout.js';

interface Service {
  image: string; command: string[]; build?: { target: string }; ports?: string[]; volumes?: string[]; depends_on?: string[];
  environment?: Record<string, string | number>; container_name?: string;
}
interface Compose { version: string; services: Record<string, Service>; volumes: Record<string, null> }

/** Keys of a service in the compose file format 3.8, which docker-compose 1.29 reads. */
const SERVICE_KEYS = ['image', 'build', 'command', 'depends_on', 'environment', 'healthcheck', 'init', 'ports', 'restart', 'stop_grace_period', 'volumes'];
const OURS = ['session-service', 'provider-runner', 'api-gateway', 'notifier'];

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const dockerfile = read('Dockerfile');

describe('docker-compose.yml', () => {
  it('has NATS and the four services, in a format that docker-compose 1.29 and the plugin read', () => {
    expect(compose.version).toBe('3.8');
    expect(Object.keys(compose.services).sort()).toEqual(['nats', ...OURS].sort());
    for (const service of Object.values(compose.services)) {
      expect(Object.keys(service).filter((key) => !SERVICE_KEYS.includes(key))).toEqual([]);
    }
  });

  it.each(OURS)('runs %s from the image, on the home\'s volume, against NATS with a password', (name) => {
    const service = compose.services[name];
    expect(service.command).toEqual(['node', `apps/${name}/dist/main.js`]);
    expect(service.volumes).toContain('home:/var/lib/orbitmesh');
    expect(service.environment?.ORBITMESH_NATS_URL).toMatch(/^nats:\/\/orbitmesh:\$\{ORBITMESH_NATS_PASSWORD:\?[^}]+\}@nats:4222$/);
    expect(service.depends_on).toEqual(['nats']);
  });

  it('publishes the gateway, on loopback, and nothing else', () => {
    const published = Object.entries(compose.services).flatMap(([name, service]) => (service.ports ?? []).map((port) => [name, port]));
    expect(published).toEqual([['api-gateway', '127.0.0.1:${ORBITMESH_PORT:-4750}:4750']]);
  });

  it('lets the runner be scaled: no fixed name, no port', () => {
    expect(compose.services['provider-runner']).not.toHaveProperty('container_name');
    expect(compose.services['provider-runner']).not.toHaveProperty('ports');
  });

  it('declares every volume it names, and mounts only files that are there', () => {
    const mounts = Object.values(compose.services).flatMap((service) => service.volumes ?? []);
    for (const mount of mounts.map((one) => one.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':')[0])) {
      if (mount.startsWith('./')) expect(trackedFiles()).toContain(mount.slice(2));
      else expect(Object.keys(compose.volumes)).toContain(mount);
    }
  });

  it('holds no password, and gives NATS the same one as the services', () => {
    expect(compose.services.nats.environment?.ORBITMESH_NATS_PASSWORD).toMatch(/^\$\{ORBITMESH_NATS_PASSWORD:\?/);
    expect(read('tools/compose/nats.conf')).toContain('password: $ORBITMESH_NATS_PASSWORD');
    expect(read('.env.example')).toMatch(/^ORBITMESH_NATS_PASSWORD=$/m);
  });
});

describe('the Dockerfile', () => {
  it('has the targets that compose may ask for', () => {
    const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((match) => match[1]);
    expect(stages).toEqual(['base', 'prebuilt', 'build', 'runtime']);
    expect(compose.services['api-gateway'].build?.target).toBe('${ORBITMESH_BUILD_TARGET:-runtime}');
  });

  it('runs as its own user in every target that compose may ask for', () => {
    for (const target of ['prebuilt', 'runtime']) {
      const stage = dockerfile.slice(dockerfile.indexOf(`AS ${target}`)).split(/^FROM /m)[0];
      expect(stage).toContain('USER orbitmesh');
    }
  });
});
