import { RouteConfig } from '@nestjs/platform-fastify';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';

interface Reach { open?: boolean }

/** Opens an operation to everybody. What is not marked, and what is no route at all, needs a token, however its path is spelt. */
export const Public = () => RouteConfig({ open: true } satisfies Reach);

/** Of a controller's method. */
export function isOpen(handler: object): boolean {
  return isMarked(Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler));
}

/** By what the router matched, never by the path as it was sent. */
export function isPublic(request: FastifyRequest): boolean {
  return !request.is404 && isMarked(request.routeOptions.config);
}

function isMarked(config: unknown): boolean {
  return (config as Reach | undefined)?.open === true;
}
