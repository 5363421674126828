import type { FactoryProvider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { NOWHERE } from '../database/empty-database.js';
import { GeoService } from '../geo/geo-service.js';
import { GIVEN_OPTIONS, IpTrackingModule, type GivenOptions } from '../ip-tracking.module.js';
import {
  IP_TRACKING_SETTINGS,
  resolveOptions,
  type IpTrackingOptions,
  type IpTrackingSettings,
} from '../ip-tracking.options.js';
import { ipTrackingProviders } from '../ip-tracking.providers.js';
import { MemoryLimitStorage } from '../limits/store/memory/memory-limit-storage.js';
import { ClientIpResolver } from '../net/client-ip.js';
import type { ClientIpRequest } from '../net/client-ip.options.js';
import { requireIp } from '../net/ip-address.js';
import { requireOneModule } from '../one-module.js';
import { WALL_CLOCK } from '../provide.js';
import { createRequestQueue } from '../request-log/queue/create-request-queue.js';
import { RequestQueue } from '../request-log/queue/request-queue.js';
import { TUNING_DEFAULTS } from '../request-log/request-log.options.js';
import { IpRuleRepository } from '../rules/ip-rule.repository.js';
import { LiveRules } from '../rules/live-rules.js';
import { requirePrefix } from '../rules/rule-input.js';
import type { IpTrackingTesting } from './ip-tracking-testing.js';
import { MemoryRules } from './memory-rules.js';
import { TestPlaces } from './test-places.js';
import type { IpTrackingTestingOptions, TestRules } from './testing.options.js';

/** What stands in a test for the parts of the module that need a database, a disk, a network or a clock. */
export function testingProviders(
  testing: IpTrackingTesting,
  options: IpTrackingTestingOptions,
): FactoryProvider[] {
  return [
    made(WALL_CLOCK, () => testing.clock),
    {
      provide: IP_TRACKING_SETTINGS,
      inject: [ModulesContainer, { token: GIVEN_OPTIONS, optional: true }],
      useFactory: (modules: ModulesContainer, given?: GivenOptions) => {
        testing.install();
        const host = requireOneModule(modules, IpTrackingModule, given);
        return settingsInMemory(host, options, testing.clock);
      },
    },
    made(IpRuleRepository, () => storedRules(options.rules || {}, testing.clock)),
    made(GeoService, () => new TestPlaces(testing)),
    made(RequestQueue, () => queueInMemory(testing)),
    around(ClientIpResolver, (resolver: ClientIpResolver) => {
      const { resolve } = resolver;
      return Object.assign(resolver, {
        resolve(request: ClientIpRequest) {
          const { client } = testing;
          if (client === undefined) return resolve.call(resolver, request);
          const address = typeof client === 'function' ? client(request) : client;
          const ip = address === null ? null : requireIp(address, 'client');
          return { ip, source: 'socket', trusted: false };
        },
      });
    }),
    // A unit test decides by the rules without ever starting the app.
    around(LiveRules, async (live: LiveRules) => {
      await live.reload();
      return live;
    }),
  ];
}

function made(provide: FactoryProvider['provide'], useFactory: () => unknown): FactoryProvider {
  return { provide, inject: [], useFactory };
}

/** A provider of the module's, and what a test makes of it. */
function around<T>(
  provide: FactoryProvider['provide'],
  change: (part: T) => unknown,
): FactoryProvider {
  const original = ipTrackingProviders.find((provider) => provider.provide === provide)!;
  return {
    ...original,
    useFactory: async (...parts: unknown[]) => change((await original.useFactory(...parts)) as T),
  };
}

/** What the host has configured, but for whatever would leave memory. */
function settingsInMemory(
  host: GivenOptions,
  { rules, limits, identify, sensitivePaths, ipv6PrefixLength }: IpTrackingTestingOptions,
  now: () => number,
): IpTrackingSettings {
  if (host.enabled === false) return resolveOptions(host);
  const { allow: _allow, block: _block, monitor: _monitor, ...ofAll } = rules || {};
  const given: IpTrackingOptions = {
    ...host,
    ...withoutUndefined({ identify, sensitivePaths, ipv6PrefixLength }),
    database: NOWHERE,
    stateDir: false,
    geo: {},
    detection: false,
    rules: (rules ?? host.rules) === false ? false : { ...host.rules, ...ofAll },
    requestLog: { ...host.requestLog, sink: NO_SINK, spool: false },
    rateLimits:
      (limits ?? host.rateLimits) === false
        ? false
        : {
            ...host.rateLimits,
            ...limits,
            redis: undefined,
            storage: new MemoryLimitStorage({ now }),
          },
  };
  return { ...resolveOptions(given), database: null };
}

/** Nothing is ever written to it. */
const NO_SINK = { write: () => Promise.resolve() };

function queueInMemory(testing: IpTrackingTesting): RequestQueue {
  const queue = createRequestQueue({
    ...TUNING_DEFAULTS,
    sink: NO_SINK,
    spool: null,
    spoolPlace: null,
    log: { log: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const { push } = queue;
  return Object.assign(queue, {
    push: (record: Parameters<typeof push>[0]) => {
      testing.push(record);
      push.call(queue, record);
    },
  });
}

async function storedRules(
  { allow = [], block = [], monitor = [] }: TestRules,
  now: () => number,
): Promise<MemoryRules> {
  const stored = new MemoryRules(now);
  for (const [action, networks] of Object.entries({ allow, block, monitor })) {
    for (const network of networks) {
      await stored.save({
        action: action as 'allow',
        network: requirePrefix(network).toString(),
        reason: null,
        source: 'manual',
        createdBy: null,
        expiresAt: null,
      });
    }
  }
  return stored;
}

function withoutUndefined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
