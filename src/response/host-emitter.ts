import type { ModulesContainer } from '@nestjs/core';
import type { EventEmitterLike } from './ip-tracking-events.js';

/**
 * The `EventEmitter2` of an app that imports `EventEmitterModule` of @nestjs/event-emitter; null where it does not. It is
 * known by the name of its class, so that the package is needed by nobody who does not use it.
 */
export function hostEmitter(modules: ModulesContainer): EventEmitterLike | null {
  for (const { providers } of modules.values()) {
    for (const { instance } of providers.values()) {
      if (isEmitter(instance)) return instance;
    }
  }
  return null;
}

function isEmitter(instance: unknown): instance is EventEmitterLike {
  if (typeof instance !== 'object' || instance === null) return false;
  const { constructor, emit } = instance as { constructor?: unknown; emit?: unknown };
  return (
    typeof emit === 'function' &&
    typeof constructor === 'function' &&
    constructor.name === 'EventEmitter2'
  );
}
