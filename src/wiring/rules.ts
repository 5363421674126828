import type { DataSource } from 'typeorm';
import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { GeoService } from '../geo/geo-service.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { ClientIpResolver, type ClientIpOptions } from '../net/client-ip.js';
import { ListedPaths } from '../edge/listed-paths.js';
import type { RulePolicy } from '../rules/decide.js';
import { Door } from '../rules/door.js';
import { IpRuleRepository } from '../rules/ip-rule.repository.js';
import { IpRuleService } from '../rules/ip-rule.service.js';
import { LiveRules, RULE_CHANNEL } from '../rules/live-rules.js';
import { ProtectedNetworkRepository } from '../rules/protected-network.repository.js';
import { RuleFile } from '../rules/rule-file.js';
import { RateLimitService, RESET_CHANNEL } from '../limits/rate-limit.service.js';
import { logger, messageOf, provide, wallClock } from './provide.js';
import { DATA_SOURCE, RESOLVED_OPTIONS, STATE_FOLDER } from './settings.js';

/** The stored rules, their live copy, and the door. */
export const rules = [
  provide(IpRuleRepository, [Database], (database: Database) => new IpRuleRepository(database)),
  provide(
    ProtectedNetworkRepository,
    [Database],
    (database: Database) => new ProtectedNetworkRepository(database),
  ),
  provide(
    LiveRules,
    [IpRuleRepository, STATE_FOLDER, RESOLVED_OPTIONS],
    (repository: IpRuleRepository, folder: string | null, options: ResolvedOptions) =>
      new LiveRules(repository, folder === null ? null : new RuleFile(folder), {
        pollIntervalMs: options.rules.pollIntervalMs,
        now: wallClock,
        onOutage: (error) =>
          error === null
            ? logger.log('the rules can be read again')
            : logger.error(
                `the rules cannot be read, so the last known ones hold: ${messageOf(error)}`,
              ),
        onRejected: ({ row, message }) => logger.error(`rule ${row.id} is left out: ${message}`),
        onFile: (message) => logger.warn(message),
      }),
  ),
  provide(
    NotificationListener,
    [DATA_SOURCE, LiveRules, RateLimitService],
    (dataSource: DataSource, live: LiveRules, limits: RateLimitService) =>
      new NotificationListener(dataSource, {
        [RULE_CHANNEL]: live.handlers,
        [RESET_CHANNEL]: { onNotification: (message) => void limits.hear(message) },
      }),
  ),
  provide(
    IpRuleService,
    [
      IpRuleRepository,
      ProtectedNetworkRepository,
      LiveRules,
      ClientIpResolver,
      GeoService,
      RESOLVED_OPTIONS,
    ],
    (
      repository: IpRuleRepository,
      networks: ProtectedNetworkRepository,
      live: LiveRules,
      resolver: ClientIpResolver,
      geo: GeoService,
      options: ResolvedOptions,
    ) => {
      const sensitivePaths = new ListedPaths(options.anomalies.sensitivePaths);
      return new IpRuleService(repository, networks, live, {
        isLive: options.rules.isEnabled && options.rules.live,
        policy: policyOf(options),
        trustedProxies: resolver.trustedPrefixes,
        clientIp: describe(options.clientIp),
        locate: (ip) => geo.lookup(ip),
        isSensitivePath: (path) => sensitivePaths.has(path),
        now: wallClock,
      });
    },
  ),
  provide(
    Door,
    [LiveRules, RESOLVED_OPTIONS],
    (live: LiveRules, options: ResolvedOptions) =>
      new Door(live, {
        isEnabled: options.rules.isEnabled,
        policy: policyOf(options),
        refusal: options.rules.refusal,
        onBlocked: options.rules.onBlocked,
      }),
  ),
];

function policyOf({
  rules: { mode, blockCountries, allowCountries },
}: ResolvedOptions): RulePolicy {
  return { mode, blockCountries, allowCountries };
}

/** Where an address comes from, for people. */
function describe(options: ClientIpOptions): string {
  switch (options.strategy) {
    case 'socket':
      return 'the socket; no header is believed';
    case 'trusted-proxies':
      return `${options.header ?? 'x-forwarded-for'}, the rightmost address that is not one of ${options.proxies.join(', ')}`;
    case 'hops':
      return `${options.header ?? 'x-forwarded-for'}, ${options.hops} hops away`;
    case 'header':
      return `${options.header}, from ${options.proxies.join(', ')}`;
    case 'preset':
      return `the preset "${options.preset}"`;
  }
}
