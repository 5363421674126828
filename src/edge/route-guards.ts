import type { CanActivate } from '@nestjs/common';

/** What this reads of Nest's maker of the functions that routes run. */
interface RouterExecutionContext {
  /** The adapter of the app whose routes it makes. */
  readonly applicationRef?: object;
  guardsContextCreator?: { create(...args: unknown[]): CanActivate[] };
  create(instance: object, callback: object, ...others: unknown[]): unknown;
}

/** The guards that some routes of an app can do without. */
export interface SpareGuards {
  readonly guards: readonly CanActivate[];
  /** Whether a method of a controller's class has to run them. */
  needs(method: object, controller: object): boolean;
}

/** By adapter: there may be several apps in a process. */
const SPARED = new WeakMap<object, SpareGuards>();
const PATCHED = new WeakSet<object>();

/**
 * Leaves global guards out of the routes where they would have nothing to say. Nest makes an execution context and waits
 * for promises for each guard of each request, which on Fastify costs more than all that the edge does. Handlers of
 * messages and GraphQL are made by others and keep theirs. Before Nest registers its routes.
 *
 * @returns false where Nest is not as it is known: every route then runs every guard.
 */
export function spareGuards(adapter: object, spare: SpareGuards): boolean {
  const prototype = routerExecutionContext();
  if (prototype === null) return false;
  SPARED.set(adapter, spare);
  if (PATCHED.has(prototype)) return true;
  PATCHED.add(prototype);
  const { create } = prototype;
  prototype.create = function (this: RouterExecutionContext, instance, callback, ...others) {
    const { applicationRef, guardsContextCreator: creator } = this;
    const spared = applicationRef === undefined ? undefined : SPARED.get(applicationRef);
    if (
      spared === undefined ||
      creator === undefined ||
      spared.needs(callback, instance.constructor)
    ) {
      return create.call(this, instance, callback, ...others);
    }
    this.guardsContextCreator = {
      create: (...args) =>
        creator.create(...args).filter((guard) => !spared.guards.includes(guard)),
    };
    try {
      return create.call(this, instance, callback, ...others);
    } finally {
      this.guardsContextCreator = creator;
    }
  };
  return true;
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
