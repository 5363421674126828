import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { EDGE_SETTINGS } from '../edge/edge.options.js';
import { ListedPaths } from '../edge/listed-paths.js';
import { GeoService } from '../geo/geo-service.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { logger, provide, token, wallClock } from '../provide.js';
import { STATE } from '../state/state.providers.js';
import { Door } from './door.js';
import { IpRuleRepository } from './ip-rule.repository.js';
import { IpRuleService } from './ip-rule.service.js';
import { LiveRules, RULE_CHANNEL } from './live-rules.js';
import { ProtectedNetworkRepository } from './protected-network.repository.js';
import { RuleFile } from './rule-file.js';
import { RULES_SETTINGS } from './rules.options.js';

/** Where the address of a client is taken from, in a few words for people. */
export const CLIENT_IP_IN_WORDS = token<string>('client-ip-in-words');

/** The stored rules, their live copy, and the door. */
export const rulesProviders = [
  provide(IpRuleRepository, [Database], (database) => new IpRuleRepository(database)),
  provide(
    ProtectedNetworkRepository,
    [Database],
    (database) => new ProtectedNetworkRepository(database),
  ),
  provide(
    LiveRules,
    [IpRuleRepository, STATE, RULES_SETTINGS, NotificationListener],
    (repository, state, settings, listener) => {
      const live = new LiveRules(repository, state === null ? null : new RuleFile(state), {
        pollIntervalMs: settings.pollIntervalMs,
        withoutRules: settings.withoutRules,
        now: wallClock,
        whose: state?.whose.bind(state) ?? null,
        // Whoever answers next at that address may be another database.
        onOutage: () => state?.doubt(),
        onRejected: ({ row, message }) => logger.error(`rule ${row.id} is left out: ${message}`),
        log: logger,
      });
      if (settings.isEnabled && settings.follow) listener.hear(RULE_CHANNEL, live.handlers);
      return live;
    },
  ),
  provide(
    IpRuleService,
    [
      IpRuleRepository,
      ProtectedNetworkRepository,
      LiveRules,
      ClientIpResolver,
      GeoService,
      RULES_SETTINGS,
      EDGE_SETTINGS,
      CLIENT_IP_IN_WORDS,
    ],
    (repository, networks, live, resolver, geo, settings, { sensitivePaths }, clientIp) => {
      const sensitive = new ListedPaths(sensitivePaths);
      return new IpRuleService(repository, networks, live, {
        isLive: settings.isEnabled && settings.follow,
        policy: settings,
        trustedProxies: resolver.trustedPrefixes,
        clientIp,
        locate: (ip) => geo.lookup(ip),
        isSensitivePath: (path) => sensitive.has(path),
        now: wallClock,
      });
    },
  ),
  provide(
    Door,
    [LiveRules, RULES_SETTINGS],
    (live, settings) => new Door(live, { ...settings, policy: settings }),
  ),
];
