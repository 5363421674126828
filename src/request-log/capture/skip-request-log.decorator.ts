import { SetMetadata } from '@nestjs/common';
import { ROUTE_KEYS } from '../../edge/route-description.js';

/**
 * Leaves the requests of a controller or a handler out of the request log, but for those that this module refuses. Rules
 * and limits still apply to them.
 */
export const SkipRequestLog = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ROUTE_KEYS.isUnlogged, true);
