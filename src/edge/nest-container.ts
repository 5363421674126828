import type { Type } from '@nestjs/common';
import { ApplicationConfig, type DiscoveryService, type MetadataScanner } from '@nestjs/core';
import type { RouteVersion } from './route-prefixes.js';

/** Where Nest's `@Controller({ version })` and `@Version()` leave what they say. */
const VERSION = '__version__';

/** A controller, and its methods. */
export interface FoundController {
  readonly type: object;
  readonly methods: readonly object[];
}

/** The configuration of the app, which `DiscoveryService` finds although no module exports it. */
export function applicationConfig(discovery: DiscoveryService): ApplicationConfig {
  return discovery.getProviders().find(({ token }) => token === ApplicationConfig)!
    .instance as ApplicationConfig;
}

/** Whether a test has put something else in the place of a guard or an interceptor, where handlers have it bound. */
export function isOverridden(discovery: DiscoveryService, enhancer: Type): boolean {
  const bound = [...discovery.getControllers(), ...discovery.getProviders()].flatMap(
    ({ host }) => host?.injectables.get(enhancer) ?? [],
  );
  return bound.some(({ metatype }) => metatype !== enhancer);
}

/** Every controller of the app with all its methods, inherited ones too. */
export function* controllersOf(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
): Generator<FoundController> {
  for (const { instance, metatype } of discovery.getControllers()) {
    const prototype: unknown = metatype?.prototype ?? Object.getPrototypeOf(instance ?? null);
    if (typeof prototype !== 'object' || prototype === null) continue;
    const methods = scanner
      .getAllMethodNames(prototype)
      .map((name) => (prototype as Record<string, unknown>)[name])
      .filter((method) => typeof method === 'function');
    yield { type: metatype as object, methods };
  }
}

/** The versions that controllers and handlers say they have. */
export function* declaredVersions(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
): Generator<RouteVersion> {
  for (const { type, methods } of controllersOf(discovery, scanner)) {
    for (const target of [type, ...methods]) {
      const version = Reflect.getMetadata(VERSION, target) as RouteVersion | undefined;
      if (version !== undefined) yield version;
    }
  }
}
