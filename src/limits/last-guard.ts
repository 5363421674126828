import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { requestContextOf } from '../edge/request-context.js';

/** Where Nest keeps what decorators bind to a method or a class, and the path of a method that is a route. */
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const PATH = 'path';

/**
 * The last guard of a limited route: the first place where it can be known who the user is. One for all apps of a
 * process, since what there is to do stands on the request.
 */
export const LAST_GUARD: CanActivate = {
  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const http = execution.switchToHttp();
    const context = requestContextOf(http.getRequest());
    const work = context?.afterGuards?.(http.getResponse()) ?? null;
    return work === null ? true : passes(work);
  },
};

async function passes(work: Promise<void>): Promise<true> {
  await work;
  return true;
}

/**
 * Has {@link LAST_GUARD} run after all other guards of a controller's limited routes, in place of the interceptor that
 * their decorators have bound: Nest wraps a handler in observables for an interceptor, which costs more than all the
 * limiting. Handlers of messages keep theirs. To be called before Nest registers its routes; again is harmless.
 *
 * @param interceptor the one that the decorators bind, and nobody else.
 */
export function settleInLastGuard(
  controller: object,
  methods: readonly object[],
  interceptor: unknown,
  isLimited: (method: object) => boolean,
): void {
  const bound = listOf(INTERCEPTORS, controller);
  const isOnClass = bound.includes(interceptor);
  if (isOnClass) Reflect.defineMetadata(INTERCEPTORS, without(bound, interceptor), controller);
  for (const method of methods) {
    const own = without(listOf(INTERCEPTORS, method), interceptor);
    if (Reflect.hasMetadata(PATH, method)) {
      if (listOf(INTERCEPTORS, method).length > own.length) {
        Reflect.defineMetadata(INTERCEPTORS, own, method);
      }
      const guards = listOf(GUARDS, method);
      if (isLimited(method) && !guards.includes(LAST_GUARD)) {
        Reflect.defineMetadata(GUARDS, [...guards, LAST_GUARD], method);
      }
    } else if (isOnClass) {
      Reflect.defineMetadata(INTERCEPTORS, [interceptor, ...own], method);
    }
  }
}

function listOf(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) ?? []) as unknown[];
}

function without(list: readonly unknown[], entry: unknown): unknown[] {
  return list.filter((each) => each !== entry);
}
