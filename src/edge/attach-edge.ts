import type { RequestListener } from 'node:http';
import type {
  ApplicationConfig,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
} from '@nestjs/core';
import { bearFor } from './born-requests.js';
import { attachExpressEdge, type ExpressApplication } from './express-edge.js';
import { attachFastifyEdge, type FastifyApplication } from './fastify-edge.js';
import { attachGatewayEdge } from './gateway-edge.js';
import type { HostCors } from './host-cors.js';
import { applicationConfig } from './nest-container.js';
import type { RequestEdge } from './request-edge.js';
import { type NeedsGuard, spareGuards } from './route-guards.js';
import { stampRoutes } from './route-stamps.js';
import { optimizeNextTick } from './next-tick.js';
import { attachServerEdge, whenServerExists } from './server-edge.js';

/** What {@link attachEdge} attaches the edge to. */
export interface EdgeSite {
  adapterHost: HttpAdapterHost;
  discovery: DiscoveryService;
  scanner: MetadataScanner;
  edge: RequestEdge;
  /** Whether the rules are there to be asked: a gateway's own port is open before. */
  isReady(): boolean;
  warn(message: string): void;
  /** Shown each controller with all its methods, before Nest registers its routes. */
  onController(controller: object, methods: readonly object[]): void;
  /** Whether a route has to run one of its guards; told whether there are routes that say `@SkipIpRules()`. */
  needsGuard(hasExempt: boolean): NeedsGuard;
}

/**
 * Attaches the edge to everything that lets requests in: the framework, Nest's HTTP server, the servers of gateways. It
 * has to be done while the providers are made, because Nest registers its routes before it calls any lifecycle hook.
 *
 * @returns what the app's global guards are added to.
 */
export function attachEdge(site: EdgeSite): ApplicationConfig {
  const { adapterHost, discovery, edge, isReady, warn } = site;
  const config = applicationConfig(discovery);
  attachGatewayEdge(config, { edge, isReady, warn });
  if (adapterHost.httpAdapter) attachToAdapter(site);
  else {
    // A testing module makes its app after its providers; a microservice or a command line never has an adapter.
    adapterHost.init$.subscribe(() => {
      if (adapterHost.httpAdapter) attachToAdapter(site);
    });
  }
  return config;
}

function attachToAdapter(site: EdgeSite): void {
  optimizeNextTick();
  const { adapterHost, discovery, scanner, edge, warn } = site;
  const adapter = adapterHost.httpAdapter;
  const hasExempt = stampRoutes(discovery, scanner, (controller, methods) =>
    site.onController(controller, methods),
  );
  const attach = (serve: RequestListener, cors: HostCors): void =>
    whenServerExists(adapter, (server) =>
      attachServerEdge(server, edge, { serve, hasExempt, cors }),
    );
  const needsGuard = site.needsGuard(hasExempt);
  const instance: unknown = adapter.getInstance();
  switch (adapter.getType()) {
    case 'express': {
      const app = instance as ExpressApplication;
      attach(app, attachExpressEdge(app, adapter, edge));
      whenServerExists(adapter, (server) => bearFor(app, server));
      spareGuards(adapter, needsGuard);
      break;
    }
    case 'fastify': {
      const app = instance as FastifyApplication;
      attach(app.routing, attachFastifyEdge(app, adapter, edge));
      spareGuards(adapter, needsGuard);
      break;
    }
    default:
      whenServerExists(adapter, (server) => attachServerEdge(server, edge, 'ignore'));
      warn(
        `"${adapter.getType()}" is neither Express nor Fastify: requests that no route matches are neither logged nor blocked`,
      );
  }
}
