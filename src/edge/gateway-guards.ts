import type { CanActivate } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** What this reads of Nest's maker of lists of guards. */
interface GuardsContextCreator {
  /** What global guards are taken from; Nest 11 gives none where it makes the handlers of gateways. */
  readonly config?: unknown;
  readonly container?: { getModules(): ModulesContainer };
  create(...args: unknown[]): CanActivate[];
}

/** The guard of each app, by its modules: there may be several in a process, and of one gateway. */
const GUARDS = new WeakMap<ModulesContainer, CanActivate>();
const PATCHED = new WeakSet<object>();

/**
 * Has a guard run before those of every gateway's handlers, where Nest runs no global guards for messages: Nest 11 does
 * not, Nest 12 does. Before the app is initialised, which is when Nest makes its lists of guards.
 */
export function guardGateways(modules: ModulesContainer, guard: CanActivate): void {
  const prototype = guardsContextCreator();
  if (prototype === null) return;
  GUARDS.set(modules, guard);
  if (PATCHED.has(prototype)) return;
  PATCHED.add(prototype);
  const { create } = prototype;
  prototype.create = function (this: GuardsContextCreator, ...args: unknown[]): CanActivate[] {
    const guards = create.apply(this, args);
    if (this.config !== undefined) return guards;
    const first = this.container && GUARDS.get(this.container.getModules());
    return first === undefined ? guards : [first, ...guards];
  };
}

/** Null in Nest 12, which shows it elsewhere, and needs nothing of this. */
function guardsContextCreator(): GuardsContextCreator | null {
  try {
    const { GuardsContextCreator } =
      require('@nestjs/core/guards/guards-context-creator') as Record<
        string,
        { prototype: GuardsContextCreator }
      >;
    return GuardsContextCreator?.prototype ?? null;
  } catch {
    return null;
  }
}
