import { DiscoveryService, HttpAdapterHost, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { attachEdge } from './edge/attach-edge.js';
import { DECLARED_ROUTES, declaredRoutes } from './edge/declared-routes.js';
import { EDGE_SETTINGS } from './edge/edge.options.js';
import { guardGateways } from './edge/gateway-guards.js';
import { identifySafely } from './edge/identify.js';
import { applicationConfig, declaredVersions, isOverridden } from './edge/nest-container.js';
import { RequestEdge } from './edge/request-edge.js';
import { describeRoute } from './edge/route-description.js';
import { RoutePrefixes } from './edge/route-prefixes.js';
import { GeoService } from './geo/geo-service.js';
import { RateLimitGate } from './limits/rate-limit.gate.js';
import type { Attempt } from './limits/attempt.js';
import { AuthThrottlerGuard } from './limits/auth-throttler.guard.js';
import { settleInLastGuard, unaskedGuards } from './limits/last-guard.js';
import { LimitAnswers } from './limits/limit-answers.js';
import { LimitInterceptor } from './limits/limit.interceptor.js';
import { LimitPolicies } from './limits/limit-policy.js';
import { LIMITS_SETTINGS } from './limits/limits.options.js';
import { LIMIT_EXEMPTION, RULE_LIMIT } from './limits/limits.providers.js';
import { after, type MaybePromise } from './limits/maybe-promise.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { RuleLimiter } from './limits/rule-limiter.js';
import { TooManyRequestsFilter } from './limits/too-many-requests.js';
import { ClientIpResolver } from './net/client-ip.js';
import { logger, provide, token, WALL_CLOCK } from './provide.js';
import { RequestLogger } from './request-log/capture/request-logger.js';
import { RequestQueue } from './request-log/queue/request-queue.js';
import { REQUEST_LOG_SETTINGS } from './request-log/request-log.options.js';
import { Door } from './rules/door.js';
import { IpRuleGuard } from './rules/ip-rule.guard.js';
import { RefusalFilter } from './rules/refusal.filter.js';
import { assertNoCountries } from './rules/needs-places.js';
import { RULES_SETTINGS } from './rules/rules.options.js';

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
  provide(RULE_LIMIT, [RULES_SETTINGS], ({ limitedPerMinute }) => limitedPerMinute),
  provide(
    RequestEdge,
    [
      ClientIpResolver,
      Door,
      RequestLogger,
      RequestQueue,
      GeoService,
      RateLimiter,
      RuleLimiter,
      LimitAnswers,
      LimitPolicies,
      EDGE_SETTINGS,
      REQUEST_LOG_SETTINGS,
      LIMITS_SETTINGS,
      DiscoveryService,
      WALL_CLOCK,
    ],
    (
      resolver,
      door,
      log,
      queue,
      geo,
      limiter,
      ruleLimiter,
      answers,
      policies,
      { isAttached, identify },
      { isEnabled },
      limits,
      discovery,
      now,
    ) =>
      new RequestEdge(resolver, {
        isOff: !isAttached,
        refuses: (context) => door.refuses(context),
        refusal: (context) => door.refusal(context),
        slows: (context) => ruleLimiter.count(context),
        throttles:
          limits.isEnabled &&
          limits.checkAt === 'edge' &&
          !isOverridden(discovery, AuthThrottlerGuard)
            ? (context, { route }, response) => {
                const policy = route.isLimitOpen ? null : policies.of(route);
                if (policy === null) return null;
                const count = (): MaybePromise<Attempt | null> =>
                  limiter.reserve(context, context, policy, null);
                return after(answers.judge(count, response), (said) => said?.refusal ?? null);
              }
            : null,
        onArrival: (tickMs) => queue.keepUp(tickMs),
        onEnded: (context) => {
          if (context.attempts !== null) limiter.ended(context);
          if (isEnabled) log.ended(context);
        },
        locate: (ip) => geo.lookup(ip),
        identify: (request) => identifySafely(identify, request),
        now,
      }),
  ),
  // While the providers are made, because Nest registers its routes before it calls any lifecycle hook.
  provide(
    EDGE_ATTACHMENT,
    [
      HttpAdapterHost,
      DiscoveryService,
      MetadataScanner,
      ModulesContainer,
      RequestEdge,
      IpRuleGuard,
      RateLimitGate,
      RefusalFilter,
      TooManyRequestsFilter,
      LimitPolicies,
      LIMITS_SETTINGS,
      EDGE_SETTINGS,
      RULES_SETTINGS,
      GeoService,
    ],
    (
      adapterHost,
      discovery,
      scanner,
      modules,
      edge,
      ruleGuard,
      limitGate,
      refusalFilter,
      tooManyFilter,
      policies,
      limits,
      { isAttached },
      rules,
      geo,
    ) => {
      if (!isAttached) {
        logger.log('off (enabled: false): nothing is logged, refused, limited or scanned');
        return { open: () => undefined };
      }
      let isOpen = false;
      // A testing module makes its app once the providers are there: nobody would catch what is thrown then.
      let flaw: unknown = null;
      if (!geo.hasProvider) assertNoCountries('the option rules', rules);
      const guardsRules = !isOverridden(discovery, IpRuleGuard);
      const guardsLimits = limits.isEnabled && !isOverridden(discovery, AuthThrottlerGuard);
      const config = attachEdge({
        adapterHost,
        discovery,
        scanner,
        edge,
        isReady: () => isOpen,
        warn: (message) => logger.warn(message),
        needsGuard: (hasExempt) => (guard, method, controller) => {
          const route = describeRoute(method, controller);
          // Who is refused, and is past the edge for a route that is exempt, must not reach another one.
          if (guard === ruleGuard) return hasExempt || route.rules !== null;
          const isLimited = policies.of(route) !== null;
          if (guard === limitGate) return isLimited;
          // What a decorator has bound once more, and one of the two has seen to by then.
          if (guard.constructor === IpRuleGuard) return !guardsRules;
          return guard.constructor !== AuthThrottlerGuard || !guardsLimits || !isLimited;
        },
        onController: (controller, methods) => {
          const isLimited = (method: object): boolean =>
            limits.isEnabled && policies.of(describeRoute(method, controller)) !== null;
          for (const method of geo.hasProvider ? [] : methods) {
            const { rules: own } = describeRoute(method, controller);
            try {
              if (own !== null) assertNoCountries((controller as Function).name, own);
            } catch (error) {
              flaw ??= error;
            }
          }
          if (!isOverridden(discovery, LimitInterceptor)) {
            settleInLastGuard(controller, methods, isLimited);
          }
          const installed = limits.guard ?? AuthThrottlerGuard;
          for (const name of unaskedGuards(controller, methods, isLimited, installed)) {
            logger.warn(
              `${name} is bound to limited routes of ${(controller as Function).name}, but ${installed.name} has counted before it is its turn: install it as rateLimits.guard`,
            );
          }
        },
      });
      if (flaw !== null) throw flaw;
      // Not as `APP_GUARD`s, because those come after the ones of modules that were imported earlier: whoever is
      // blocked must not reach a host's guard, and what a host's guard refuses must have been counted.
      if (guardsRules) {
        config.addGlobalGuard(ruleGuard);
        guardGateways(modules, ruleGuard);
      }
      if (guardsLimits) {
        config.addGlobalGuard(limitGate);
      }
      // Nor as `APP_FILTER`s: Nest asks the filter first that was added last, and so each of the host's before these.
      config.addGlobalFilter(refusalFilter);
      config.addGlobalFilter(tooManyFilter);
      return {
        open: () => {
          if (flaw !== null) throw flaw;
          isOpen = true;
        },
      };
    },
  ),
];
