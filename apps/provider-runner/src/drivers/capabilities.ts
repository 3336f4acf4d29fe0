import type { Capabilities, ProviderEntry } from '@orbitmesh/domain';
import type { DriverDefinition } from './driver.js';

/**
 * What a driver can, with what its entry asks for: `custom.freeze: true` makes a pause suspend all
 * processes of the agent (SIGSTOP) instead of holding back answers and inputs. It is a wish for who
 * knows his agent: what it waits for on the network may time out meanwhile.
 */
export function capabilitiesOf(definition: DriverDefinition, entry: ProviderEntry): Capabilities {
  const can = definition.capabilities(entry);
  return entry.custom?.freeze === true ? { ...can, pause: 'freeze' } : can;
}
