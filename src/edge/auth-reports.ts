import { SetMetadata } from '@nestjs/common';
import { type AuthReport, requestContextOf } from './request-context.js';
import { ROUTE_KEYS } from './route-description.js';

/** Names of users that are longer than this are cut before they are hashed, in UTF-16 units. */
const MAX_USER_LENGTH = 256;

/**
 * Names a controller or a handler that takes credentials. A 401 or 403 of it is a failed login, any other 2xx that is no
 * page a successful one. Where nothing says so, a POST whose path ends in a usual name, such as `/login`, is taken for
 * one, and so is any sensitive POST that is answered 401 or 403.
 */
export const Login = (): ClassDecorator & MethodDecorator => SetMetadata(ROUTE_KEYS.isLogin, true);

/**
 * Says that the credentials which a request has brought are wrong, for apps that answer 200 to a wrong password. To be
 * called before the response closes; of several reports the last counts.
 *
 * @param request the request as handlers and guards see it, of Express, Fastify or node. Nothing happens for one that
 *   this module has not seen.
 * @param attemptedUser whom the credentials were for, as they were typed: kept as a keyed hash, and only so. Give the same
 *   text when the same user succeeds, or their mistakes are held against their address.
 */
export function reportAuthFailure(request: unknown, attemptedUser?: string): void {
  report(request, 'failure', attemptedUser);
}

/**
 * Says that the credentials which a request has brought are right.
 *
 * @param request as of {@link reportAuthFailure}.
 * @param attemptedUser as of {@link reportAuthFailure}. @default the user whom `identify` finds
 */
export function reportAuthSuccess(request: unknown, attemptedUser?: string): void {
  report(request, 'success', attemptedUser);
}

function report(request: unknown, said: AuthReport, attemptedUser: unknown): void {
  const context = requestContextOf(request);
  if (context === undefined) return;
  context.authReport = said;
  context.attemptedUser =
    typeof attemptedUser === 'string' && attemptedUser !== ''
      ? attemptedUser.slice(0, MAX_USER_LENGTH)
      : null;
}
