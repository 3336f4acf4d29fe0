import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from '@orbitmesh/testing';
import { SERVICES, type Machine, type Service } from './machine.js';
import type { Harm } from './work.js';

export interface Fault {
  readonly name: string;
  readonly harm: Harm;
  /** Does it take a process away, so that the time until everything is ready again means something? */
  readonly kills: boolean;
  /** NATS alone is gone, and comes back: how long until the feed is live again means something. */
  readonly nats?: boolean;
  /** @returns the processes that are gone for good */
  strike(machine: Machine, chance: Chance): Promise<number[]>;
}

const RUNNER: Service = 'provider-runner/slot-0';
const harmOf = (services: readonly Service[]): Harm => (services.includes(RUNNER) ? 'runner' : 'none');

function killing(services: readonly Service[], name = `kill -9 of ${services.join(' and ')}`): Fault {
  return { name, harm: harmOf(services), kills: true, nats: services.join() === 'nats', strike: (machine) => machine.kill(services) };
}

/** Twice, the second time before the first one's successor is long there. */
function killingTwice(service: Service): Fault {
  return {
    name: `kill -9 of ${service}, and of the next one`, harm: harmOf([service]), kills: true,
    async strike(machine, chance) {
      const first = await machine.kill([service]);
      await delay(chance.between(100, 1_200));
      return [...first, ...await machine.kill([service])];
    },
  };
}

function freezing(service: Service): Fault {
  return {
    name: `freezing ${service}`, harm: 'none', kills: false,
    async strike(machine, chance) {
      await machine.freeze(service, chance.between(300, 3_000));
      return [];
    },
  };
}

/** SIGTERM to a runner is a shutdown of its agents, so it is not among them. */
function terminating(service: Service): Fault {
  return { name: `SIGTERM to ${service}`, harm: 'none', kills: true, nats: service === 'nats', strike: (machine) => machine.terminate([service]) };
}

function powerCut(all: boolean): Fault {
  return {
    name: `a power cut${all ? ' that leaves only what was synced' : ''}`, harm: 'machine', kills: true,
    async strike(machine, chance) {
      await machine.losePower(chance, { all });
      return [];
    },
  };
}

/** While nothing reaches the disk, nothing may be acknowledged or shown: what comes then is gone. */
const powerCutWhileWriting: Fault = {
  name: 'a power cut while the disk stalls', harm: 'machine', kills: true,
  async strike(machine, chance) {
    await machine.stall();
    await delay(chance.between(50, 400));
    await machine.losePower(chance);
    return [];
  },
};

/** By the names that a schedule may be limited to; the number is how often it comes among all. */
export const FAULTS: Readonly<Record<string, { weight: number; make(chance: Chance): Fault }>> = {
  kill: { weight: 10, make: (chance) => killing([chance.pick(SERVICES)]) },
  'kill-session-service': { weight: 2, make: () => killing(['session-service']) },
  'kill-runner': { weight: 2, make: () => killing([RUNNER]) },
  'kill-nats': { weight: 2, make: () => killing(['nats']) },
  'kill-two': { weight: 3, make: (chance) => killing(chance.shuffle(SERVICES).slice(0, 2)) },
  'kill-twice': { weight: 3, make: (chance) => killingTwice(chance.pick(SERVICES)) },
  'kill-all': { weight: 4, make: () => killing(SERVICES, 'kill -9 of all at once') },
  freeze: { weight: 3, make: (chance) => freezing(chance.pick(SERVICES)) },
  terminate: { weight: 2, make: (chance) => terminating(chance.pick(SERVICES.filter((one) => one !== RUNNER))) },
  'power-cut': { weight: 3, make: () => powerCut(false) },
  'power-cut-all': { weight: 1, make: () => powerCut(true) },
  'power-cut-while-writing': { weight: 3, make: () => powerCutWhileWriting },
};

/** @param names those that may come @default all */
export function pickFault(chance: Chance, names: readonly string[] = Object.keys(FAULTS)): Fault {
  const urn = names.flatMap((name) => {
    const fault = FAULTS[name];
    if (!fault) throw new Error(`There is no fault ${name}; there are ${Object.keys(FAULTS).join(', ')}.`);
    return Array<string>(fault.weight).fill(name);
  });
  return FAULTS[chance.pick(urn)].make(chance);
}
