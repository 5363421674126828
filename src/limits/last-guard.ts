import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { requestContextOf } from '../edge/request-context.js';
import { attemptOf } from './attempt.js';
import { AuthThrottlerGuard } from './auth-throttler.guard.js';
import { LimitInterceptor } from './limit.interceptor.js';

/** Where Nest keeps what decorators bind to a method or a class, and the path of a method that is a route. */
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const PATH = 'path';

/**
 * The last guard of a limited route: the first place where it can be known who the user is. One for all apps of a
 * process, since what there is to do stands on the attempt.
 */
const LAST_GUARD: CanActivate = {
  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const context = requestContextOf(execution.switchToHttp().getRequest());
    if (context === undefined || context.attempts === null) return true;
    const attempt = attemptOf(context, context);
    return attempt?.owner?.settle(attempt, execution) ?? true;
  },
};

/**
 * Has {@link LAST_GUARD} run after all other guards of a controller's limited routes, in place of the interceptor that
 * their decorators have bound: Nest wraps a handler in observables for an interceptor, which costs more than all the
 * limiting. Handlers of messages keep theirs. To be called before Nest registers its routes; again is harmless.
 *
 * @param isLimited whether one of the controller's methods has a limit, by its decorators or the options.
 */
export function settleInLastGuard(
  controller: object,
  methods: readonly object[],
  isLimited: (method: object) => boolean,
): void {
  const bound = listOf(INTERCEPTORS, controller);
  const isOnClass = bound.includes(LimitInterceptor);
  if (isOnClass) Reflect.defineMetadata(INTERCEPTORS, without(bound, LimitInterceptor), controller);
  const isGuarded = listOf(GUARDS, controller).some(isOurs);
  for (const method of methods) {
    const own = without(listOf(INTERCEPTORS, method), LimitInterceptor);
    if (Reflect.hasMetadata(PATH, method)) {
      if (listOf(INTERCEPTORS, method).length > own.length) {
        Reflect.defineMetadata(INTERCEPTORS, own, method);
      }
      const guards = listOf(GUARDS, method);
      if (guards.includes(LAST_GUARD)) continue;
      if (isGuarded || guards.some(isOurs) || isLimited(method)) {
        Reflect.defineMetadata(GUARDS, [...guards, LAST_GUARD], method);
      }
    } else if (isOnClass) {
      Reflect.defineMetadata(INTERCEPTORS, [LimitInterceptor, ...own], method);
    }
  }
}

/**
 * The guards of a host's own that are bound to limited routes and would find everything counted, their hooks unasked:
 * another one counts ahead of all of them.
 *
 * @param installed the class that does.
 */
export function unaskedGuards(
  controller: object,
  methods: readonly object[],
  isLimited: (method: object) => boolean,
  installed: object,
): string[] {
  const onController = listOf(GUARDS, controller);
  const bound = methods
    .filter(isLimited)
    .flatMap((method) => [...onController, ...listOf(GUARDS, method)])
    .map((guard) => (typeof guard === 'function' ? guard : (guard as object).constructor));
  return [...new Set(bound)]
    .filter((guard) => guard.prototype instanceof AuthThrottlerGuard && guard !== installed)
    .map(({ name }) => name);
}

function isOurs(guard: unknown): boolean {
  if (typeof guard !== 'function') return guard instanceof AuthThrottlerGuard;
  return guard === AuthThrottlerGuard || guard.prototype instanceof AuthThrottlerGuard;
}

function listOf(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) ?? []) as unknown[];
}

function without(list: readonly unknown[], entry: unknown): unknown[] {
  return list.filter((each) => each !== entry);
}
