import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { EDGE_SETTINGS } from '../edge/edge.options.js';
import { ListedPaths } from '../edge/listed-paths.js';
import { GeoService } from '../geo/geo-service.js';
import { messageOf } from '../ip-tracking.errors.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { logger, provide, token, wallClock } from '../provide.js';
import { STATE_FOLDER } from '../state/state.providers.js';
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
    [IpRuleRepository, STATE_FOLDER, RULES_SETTINGS, NotificationListener],
    (repository, folder, settings, listener) => {
      const live = new LiveRules(repository, folder === null ? null : new RuleFile(folder), {
        pollIntervalMs: settings.pollIntervalMs,
        now: wallClock,
        onOutage: (error) =>
          error === null
            ? logger.log('the rules can be read again')
            : logger.error(
                `the rules cannot be read, so the last known ones hold: ${messageOf(error)}`,
              ),
        onRejected: ({ row, message }) => logger.error(`rule ${row.id} is left out: ${message}`),
        onFile: (message) => logger.warn(message),
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
