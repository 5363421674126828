import type { CanActivate } from '@nestjs/common';

/** What this reads of Nest's maker of the functions that routes run. */
interface RouterExecutionContext {
  /** The adapter of the app whose routes it makes. */
  readonly applicationRef?: object;
  guardsContextCreator?: { create(...args: unknown[]): CanActivate[] };
  create(instance: object, callback: object, ...others: unknown[]): unknown;
}

/** Whether a method of a controller's class has to run a guard, of all that are bound for it. */
export type NeedsGuard = (guard: CanActivate, method: object, controller: object) => boolean;

/** By adapter: there may be several apps in a process. */
const NEEDS = new WeakMap<object, NeedsGuard>();
const PATCHED = new WeakSet<object>();

/**
 * Leaves guards out of the routes where they would have nothing to say. Nest makes an execution context and waits
 * for promises for each guard of each request, which on Fastify costs more than all that the edge does. Handlers of
 * messages and GraphQL are made by others and keep theirs. Before Nest registers its routes. Where Nest is not as it is
 * known, every route runs every guard.
 */
export function spareGuards(adapter: object, needs: NeedsGuard): void {
  const prototype = routerExecutionContext();
  if (prototype === null) return;
  NEEDS.set(adapter, needs);
  if (PATCHED.has(prototype)) return;
  PATCHED.add(prototype);
  const { create } = prototype;
  prototype.create = function (this: RouterExecutionContext, instance, callback, ...others) {
    const { applicationRef, guardsContextCreator: creator } = this;
    const needed = applicationRef === undefined ? undefined : NEEDS.get(applicationRef);
    if (needed === undefined || creator === undefined) {
      return create.call(this, instance, callback, ...others);
    }
    this.guardsContextCreator = {
      create: (...args) =>
        creator.create(...args).filter((guard) => needed(guard, callback, instance.constructor)),
    };
    try {
      return create.call(this, instance, callback, ...others);
    } finally {
      this.guardsContextCreator = creator;
    }
  };
}

function routerExecutionContext(): RouterExecutionContext | null {
  try {
    const { RouterExecutionContext } =
      require('@nestjs/core/router/router-execution-context') as Record<
        string,
        { prototype: RouterExecutionContext }
      >;
    return RouterExecutionContext?.prototype ?? null;
  } catch {
    return null;
  }
}
