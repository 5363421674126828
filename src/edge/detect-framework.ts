import { expressRoute, type ExpressRequest } from './express-edge.js';
import { fastifyRoute, type FastifyRequest } from './fastify-edge.js';
import type { Framework } from './request-context.js';

/** For a request that reached a guard past the edge: tells the frameworks apart by what they put on a request. */
export const DETECTED_FRAMEWORK: Framework = {
  matchedRoute: (request) =>
    isFastify(request) ? fastifyRoute(request) : expressRoute(request as ExpressRequest),
  answeredAhead: () => null,
  mayBeExempt: () => false,
  routeAhead: () => null,
  cors: null,
};

function isFastify(request: unknown): request is FastifyRequest {
  return typeof request === 'object' && request !== null && 'routeOptions' in request;
}
