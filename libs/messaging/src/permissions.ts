import { PARTIES, type ServiceName } from '@orbitmesh/contracts';
import { inboxPrefix, ownerPattern, requestPattern, topicPattern } from './subjects.js';

/** What a service may do on NATS, as subjects; everything else it may not. */
export interface Permissions {
  publish: string[];
  subscribe: string[];
  /** May answer each request it was sent, once: the server gives it that one reply subject for two minutes. */
  answers: boolean;
}

/** By least privilege, out of the contracts (ADR-0030). For any installation: a NATS that OrbitMesh runs has one. */
export function permissionsOf(service: ServiceName): Permissions {
  const { answers, asks, publishes, hears } = PARTIES[service];
  return {
    publish: [...asks.map((rpc) => requestPattern(rpc)), ...publishes.map((topic) => topicPattern(topic))],
    subscribe: [...answers.map(ownerPattern), ...hears.map((topic) => topicPattern(topic)), `${inboxPrefix(service)}.>`],
    answers: answers.length > 0,
  };
}

/** Of a service's password, in the configuration of nats-server. */
export function passwordVariable(service: ServiceName): string {
  return `PASSWORD_OF_${service.replaceAll('-', '_').toUpperCase()}`;
}
