import { Global, Inject, Injectable, Module, type BeforeApplicationShutdown, type DynamicModule } from '@nestjs/common';
import { Bus } from './bus.js';

/**
 * Drains between Nest's hooks: `onModuleDestroy` can still talk to others, and when
 * `onApplicationShutdown` runs no handler is in flight any more (close stores there).
 */
@Injectable()
class BusDrain implements BeforeApplicationShutdown {
  constructor(@Inject(Bus) private readonly bus: Bus) {}

  async beforeApplicationShutdown(): Promise<void> {
    await this.bus.drain();
  }
}

/** Provides a connected `Bus` everywhere; `bootstrapService` imports it at the root. */
@Global()
@Module({})
export class MessagingModule {
  static forRoot(bus: Bus): DynamicModule {
    return { module: MessagingModule, providers: [{ provide: Bus, useValue: bus }, BusDrain], exports: [Bus] };
  }
}
