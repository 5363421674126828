import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { EDGE_SETTINGS } from '../edge/edge.options.js';
import { ListedPaths } from '../edge/listed-paths.js';
import { RoutePrefixes } from '../edge/route-prefixes.js';
import { GeoService } from '../geo/geo-service.js';
import { messageOf } from '../ip-tracking.errors.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { OUTAGES } from '../outages.js';
import { logger, provide, steadyClock, token, WALL_CLOCK } from '../provide.js';
import { STATE } from '../state/state.providers.js';
import { Door } from './door.js';
import { IpRuleRepository } from './ip-rule.repository.js';
import { IpRuleService } from './ip-rule.service.js';
import { LiveRules, RULE_CHANNEL } from './live-rules.js';
import { ForwardingPeers } from './forwarding-peers.js';
import { PARDONS } from './pardons.js';
import { ProtectedNetworkRepository } from './protected-network.repository.js';
import { RecentTrafficRepository } from './recent-traffic.repository.js';
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
    ForwardingPeers,
    [ProtectedNetworkRepository],
    (networks) => new ForwardingPeers((peers) => networks.announce('forwarding peer', peers)),
  ),
  provide(
    RecentTrafficRepository,
    [Database],
    (database) => new RecentTrafficRepository(database, steadyClock),
  ),
  provide(
    LiveRules,
    [IpRuleRepository, STATE, RULES_SETTINGS, NotificationListener, OUTAGES, WALL_CLOCK],
    (repository, state, settings, listener, outages, now) => {
      const live = new LiveRules(repository, state === null ? null : new RuleFile(state), {
        pollIntervalMs: settings.pollIntervalMs,
        withoutRules: settings.withoutRules,
        now,
        whose: state?.whose.bind(state) ?? null,
        // Whoever answers next at that address may be another database.
        onOutage: (error) => {
          if (error !== null) state?.doubt();
          const message = error === null ? null : messageOf(error);
          outages.tell({ of: 'rules', isOver: error === null, message });
        },
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
      RecentTrafficRepository,
      ClientIpResolver,
      GeoService,
      RULES_SETTINGS,
      EDGE_SETTINGS,
      RoutePrefixes,
      CLIENT_IP_IN_WORDS,
      PARDONS,
      WALL_CLOCK,
    ],
    (
      repository,
      networks,
      live,
      traffic,
      resolver,
      geo,
      settings,
      { sensitivePaths },
      prefixes,
      clientIp,
      pardons,
      now,
    ) => {
      const sensitive = new ListedPaths(sensitivePaths, prefixes);
      const { widestIpv4, widestIpv6 } = settings.automaticBlocks;
      return new IpRuleService(repository, networks, live, traffic, {
        isLive: settings.isEnabled && settings.follow,
        policy: settings,
        widestAutomatic: { 4: widestIpv4, 6: widestIpv6 },
        trustedProxies: resolver.trustedPrefixes,
        clientIp,
        locate: (ip) => geo.lookup(ip),
        isSensitivePath: (path) => sensitive.has(path),
        pardons,
        warn: (warning) => logger.warn(warning),
        now,
      });
    },
  ),
  provide(
    Door,
    [LiveRules, RULES_SETTINGS],
    (live, settings) => new Door(live, { ...settings, policy: settings }),
  ),
];
