import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { token } from '../provide.js';
import { applicationConfig, controllersOf } from './nest-container.js';

/** Where Nest's `@Controller()`, `@Get()` and its siblings leave their paths. */
const PATH = 'path';

/** The patterns of the app's routes, as its controllers say them. */
export type DeclaredRoutes = () => string[];
export const DECLARED_ROUTES = token<DeclaredRoutes>('declared-routes');

/** The patterns that controllers say, behind the global prefix; versions are left out. */
export function declaredRoutes(discovery: DiscoveryService, scanner: MetadataScanner): string[] {
  const prefix = applicationConfig(discovery).getGlobalPrefix();
  const patterns = new Set<string>();
  for (const { type, methods } of controllersOf(discovery, scanner)) {
    for (const method of methods) {
      for (const end of pathsOf(method)) {
        for (const start of pathsOf(type)) patterns.add(joined(prefix, start, end));
      }
    }
  }
  return [...patterns];
}

function pathsOf(target: object): string[] {
  const path: unknown = Reflect.getMetadata(PATH, target);
  return [path].flat().filter((one): one is string => typeof one === 'string');
}

function joined(...parts: readonly string[]): string {
  return `/${parts.flatMap((part) => part.split('/').filter(Boolean)).join('/')}`;
}
