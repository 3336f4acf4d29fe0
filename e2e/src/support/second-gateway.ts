import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestStack } from '@orbitmesh/testing';
import { Api } from './api.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
interface Service { app: string }
interface Launching { SERVICES: Service[]; launchService(service: Service, options: { root: string; shared: NodeJS.ProcessEnv }): ChildProcess }

/** Another gateway of a stack's home, on a port of its own. */
export class SecondGateway {
  private constructor(private readonly child: ChildProcess, readonly url: string, readonly token: string) {}

  static async beside({ home, natsUrl, token }: TestStack): Promise<SecondGateway> {
    const { SERVICES, launchService } = await import(new URL('../../../tools/lib/services.mjs', import.meta.url).href) as Launching;
    const child = launchService(SERVICES.find(({ app }) => app === 'api-gateway')!, { root: ROOT, shared: {
      PATH: process.env.PATH, HOME: home, ORBITMESH_HOME: home, ORBITMESH_HOST: '127.0.0.1', ORBITMESH_PORT: '0', ORBITMESH_NATS_URL: natsUrl, ORBITMESH_NATS_PASSWORDS: join(home, 'run', 'nats'),
    } });
    child.stdout?.resume();
    child.stderr?.resume();
    for (;;) {
      const [message] = await once(child, 'message') as [{ type: string; port?: number }];
      if (message.type === 'failed') throw new Error(JSON.stringify(message));
      if (message.type === 'ready') return new SecondGateway(child, `http://127.0.0.1:${message.port}`, token);
    }
  }

  get api(): Api {
    return new Api(this.url, this.token);
  }

  /** As its machine would: without a word to anybody. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}
