import { Controller, Get, type Type } from '@nestjs/common';
import { SCHEMAS } from '@orbitmesh/contracts/schemas';
import { Public } from '../http/public.js';
import { AnswersMedia } from './answers.js';
import { openApiOf } from './openapi.js';

/** Described by the others, so it does not list itself among what it imports. */
export function openApiControllerOf(controllers: readonly Type[]): Type {
  @Controller('openapi.json')
  class OpenApiController {
    private static document: Record<string, unknown> | undefined;

    @Public()
    @AnswersMedia('application/json', 'This document.')
    @Get()
    openapi(): Record<string, unknown> {
      return OpenApiController.document ??= openApiOf([...controllers, OpenApiController], SCHEMAS);
    }
  }
  return OpenApiController;
}
