import { IsInt, IsString, Max, Min } from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import { EnvList, EnvNumber, envNameOf, loadConfig, ServiceConfig } from './service.config.js';

class SampleConfig extends ServiceConfig {
  @EnvNumber() @IsInt() @Min(0) @Max(65_535)
  port = 4_750;

  @EnvList(':') @IsString({ each: true })
  allowedRoots: string[] = [];
}

describe('loadConfig', () => {
  it('takes defaults for what is unset or empty', () => {
    const config = loadConfig(SampleConfig, { ORBITMESH_NATS_URL: 'nats://h:1', ORBITMESH_PORT: '' });

    expect(config).toMatchObject({ port: 4_750, allowedRoots: [], logLevel: 'info', natsUrl: 'nats://h:1' });
    expect(config.home).toMatch(/\/\.orbitmesh$/);
  });

  it('converts numbers, lists and a relative home', () => {
    const config = loadConfig(SampleConfig, { ORBITMESH_NATS_URL: 'nats://h:1', ORBITMESH_PORT: '0', ORBITMESH_ALLOWED_ROOTS: '/a::/b ', ORBITMESH_HOME: 'x' });

    expect(config).toMatchObject({ port: 0, allowedRoots: ['/a', '/b'], home: `${process.cwd()}/x` });
  });

  it.each(['65536', '-1', '1.5', 'many', '0x', 'NaN'])('refuses port %j by the name of its variable', (port) => {
    expect(() => loadConfig(SampleConfig, { ORBITMESH_NATS_URL: 'nats://h:1', ORBITMESH_PORT: port })).toThrow(/ORBITMESH_PORT/);
  });

  it('names every bad variable at once, and no value', () => {
    let error: AppError | undefined;
    try {
      loadConfig(SampleConfig, { ORBITMESH_PORT: 'hunter2', ORBITMESH_LOG_LEVEL: 'hunter2' });
    } catch (e) {
      error = e as AppError;
    }

    expect(error?.code).toBe('CONFIG_INVALID');
    expect((error?.details.variables as { variable: string }[]).map((v) => v.variable).sort()).toEqual(['ORBITMESH_LOG_LEVEL', 'ORBITMESH_NATS_URL', 'ORBITMESH_PORT']);
    expect(JSON.stringify(error?.details) + error?.message).not.toContain('hunter2');
  });

  it('reads only what the class declares, and cannot be changed', () => {
    const config = loadConfig(SampleConfig, { ORBITMESH_NATS_URL: 'nats://h:1', ORBITMESH_OTHER: 'x', PORT: '1' });

    expect(Object.keys(config).sort()).toEqual(['allowedRoots', 'home', 'homePlace', 'installationId', 'logLevel', 'metricsHost', 'metricsPort', 'natsPasswords', 'natsUrl', 'port', 'readyFile', 'restarts']);
    expect(() => { (config as { port: number }).port = 1; }).toThrow(TypeError);
  });

  it('names variables after their properties', () => {
    expect(envNameOf('runnerCapacity')).toBe('ORBITMESH_RUNNER_CAPACITY');
  });
});
