import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { GeoPlace } from '../geo/geo-provider.js';
import { requestContextOf } from './request-context.js';

/** Gives a handler the client IP that rules, log and limits use: RFC 5952 text, or null where the peer has none. */
export const ClientIp = createParamDecorator(
  (_: unknown, execution: ExecutionContext): string | null =>
    requestContextOf(execution.switchToHttp().getRequest())?.client.ip?.toString() ?? null,
);

/** Gives a handler the client's place as far as it is known: `{ country, city }`, or null where nothing is. */
export const Geo = createParamDecorator(
  (_: unknown, execution: ExecutionContext): GeoPlace | null => {
    const place = requestContextOf(execution.switchToHttp().getRequest())?.locate() ?? null;
    return place === null || (place.country === null && place.city === null) ? null : place;
  },
);
