import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

export interface Route { method: string; path: string }

/** Every route there is, as the router itself learnt it: tells 405 from 404. */
@Injectable()
export class RouteTable {
  private readonly patterns = new Map<string, { match: RegExp; methods: Set<string> }>();

  /** Must be called before the first route is added. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ method, url }) => {
      const pattern = this.patterns.get(url) ?? { match: new RegExp(`^${url.replace(/:[A-Za-z]+/g, '[^/]+')}/?$`), methods: new Set() };
      this.patterns.set(url, pattern);
      for (const one of [method].flat()) pattern.methods.add(one);
    });
  }

  methodsOf(path: string): string[] {
    const methods = new Set<string>();
    for (const pattern of this.patterns.values()) {
      if (pattern.match.test(path)) for (const method of pattern.methods) methods.add(method);
    }
    return [...methods].sort();
  }

  all(): Route[] {
    return [...this.patterns].flatMap(([path, { methods }]) => [...methods].map((method) => ({ method, path })));
  }
}
