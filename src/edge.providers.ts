import { DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core';
import { attachEdge } from './edge/attach-edge.js';
import { DECLARED_ROUTES, declaredRoutes } from './edge/declared-routes.js';
import { EDGE_SETTINGS } from './edge/edge.options.js';
import { identifySafely } from './edge/identify.js';
import { applicationConfig, declaredVersions } from './edge/nest-container.js';
import { RequestEdge } from './edge/request-edge.js';
import { describeRoute } from './edge/route-description.js';
import { RoutePrefixes } from './edge/route-prefixes.js';
import { GeoService } from './geo/geo-service.js';
import { RateLimitGate } from './limits/rate-limit.gate.js';
import { AuthThrottlerGuard } from './limits/auth-throttler.guard.js';
import { settleInLastGuard, unaskedGuards } from './limits/last-guard.js';
import { LimitAnswers } from './limits/limit-answers.js';
import { LimitPolicies } from './limits/limit-policy.js';
import { LIMITS_SETTINGS } from './limits/limits.options.js';
import { LIMIT_EXEMPTION } from './limits/limits.providers.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { ClientIpResolver } from './net/client-ip.js';
import { logger, provide, token, wallClock } from './provide.js';
import { RequestLogger } from './request-log/capture/request-logger.js';
import { REQUEST_LOG_SETTINGS } from './request-log/request-log.options.js';
import { Door } from './rules/door.js';
import { IpRuleGuard } from './rules/ip-rule.guard.js';

/** The edge where it is attached, and whether what it asks is there by now. */
export interface EdgeAttachment {
  /** The rules are loaded: until then gateways on ports of their own turn everybody away. */
  open(): void;
}
export const EDGE_ATTACHMENT = token<EdgeAttachment>('edge-attachment');

/** The one place where rooms meet that do not know each other: what the edge asks of rules, limits and log. */
export const edgeProviders = [
  provide(
    RoutePrefixes,
    [DiscoveryService, MetadataScanner],
    (discovery, scanner) =>
      new RoutePrefixes(applicationConfig(discovery), () => declaredVersions(discovery, scanner)),
  ),
  provide(
    DECLARED_ROUTES,
    [DiscoveryService, MetadataScanner],
    (discovery, scanner) => () => declaredRoutes(discovery, scanner),
  ),
  provide(
    LIMIT_EXEMPTION,
    [Door, LIMITS_SETTINGS],
    (door, { exemptAllowed }) =>
      (context) =>
        exemptAllowed && door.isAllowlisted(context),
  ),
  provide(
    RequestEdge,
    [
      ClientIpResolver,
      Door,
      RequestLogger,
      GeoService,
      RateLimiter,
      LimitAnswers,
      LimitPolicies,
      EDGE_SETTINGS,
      REQUEST_LOG_SETTINGS,
      LIMITS_SETTINGS,
    ],
    (resolver, door, log, geo, limiter, answers, policies, { identify }, { isEnabled }, limits) =>
      new RequestEdge(resolver, {
        refuses: (context) => door.refuses(context),
        refusal: (context) => door.refusal(context),
        throttles:
          limits.isEnabled && limits.checkAt === 'edge'
            ? async (context, { route }, response) => {
                const policy = route.isLimitOpen ? null : policies.of(route);
                if (policy === null) return null;
                const counting = limiter.reserve(context, context, policy, null);
                return (await answers.judge(counting, response))?.refusal ?? null;
              }
            : null,
        onEnded: (context) => {
          if (context.attempts !== null) limiter.ended(context);
          if (isEnabled) log.ended(context);
        },
        locate: (ip) => geo.lookup(ip),
        identify: (request) => identifySafely(identify, request),
        now: wallClock,
      }),
  ),
  // While the providers are made, because Nest registers its routes before it calls any lifecycle hook.
  provide(
    EDGE_ATTACHMENT,
    [
      HttpAdapterHost,
      DiscoveryService,
      MetadataScanner,
      RequestEdge,
      IpRuleGuard,
      RateLimitGate,
      LimitPolicies,
      LIMITS_SETTINGS,
    ],
    (adapterHost, discovery, scanner, edge, ruleGuard, limitGate, policies, limits) => {
      let isOpen = false;
      const config = attachEdge({
        adapterHost,
        discovery,
        scanner,
        edge,
        isReady: () => isOpen,
        warn: (message) => logger.warn(message),
        onController: (controller, methods) => {
          const isLimited = (method: object): boolean =>
            limits.isEnabled && policies.of(describeRoute(method, controller)) !== null;
          settleInLastGuard(controller, methods, isLimited);
          const installed = limits.guard ?? AuthThrottlerGuard;
          for (const name of unaskedGuards(controller, methods, isLimited, installed)) {
            logger.warn(
              `${name} is bound to limited routes of ${(controller as Function).name}, but ${installed.name} has counted before it is its turn: install it as rateLimits.guard`,
            );
          }
        },
      });
      // Not as `APP_GUARD`s, because those come after the ones of modules that were imported earlier: whoever is
      // blocked must not reach a host's guard, and what a host's guard refuses must have been counted.
      config.addGlobalGuard(ruleGuard);
      if (limits.isEnabled) config.addGlobalGuard(limitGate);
      return {
        open: () => {
          isOpen = true;
        },
      };
    },
  ),
];
