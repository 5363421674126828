import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { GeoPlace } from '../geo/geo-provider.js';
import { knownContextOfExecution } from './context-of-execution.js';

/** Gives a handler the client IP that rules, log and limits use: RFC 5952 text, or null where the peer has none. */
export const ClientIp = createParamDecorator(
  (_: unknown, execution: ExecutionContext): string | null =>
    knownContextOfExecution(execution)?.client.ip?.toString() ?? null,
);

/** Gives a handler the client's place as far as it is known: `{ country, city }`, or null where nothing is. */
export const Geo = createParamDecorator(
  (_: unknown, execution: ExecutionContext): GeoPlace | null => {
    const place = knownContextOfExecution(execution)?.locate() ?? null;
    return place === null || (place.country === null && place.city === null) ? null : place;
  },
);
