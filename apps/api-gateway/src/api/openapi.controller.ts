import { Controller, Get, type Type } from '@nestjs/common';
import { openApiOf } from './openapi.js';

/** Described by the others, so it does not list itself among what it imports. */
export function openApiControllerOf(controllers: readonly Type[]): Type {
  @Controller('openapi.json')
  class OpenApiController {
    private static document: Record<string, unknown> | undefined;

    @Get()
    document() {
      return OpenApiController.document ??= openApiOf([...controllers, OpenApiController]);
    }
  }
  return OpenApiController;
}
