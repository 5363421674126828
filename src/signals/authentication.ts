import { isHtml } from './asset.js';
import { isSuccess } from './own-path.js';
import type { RequestFacts } from './request-facts.js';
import { bitsOf } from './signal.js';

const FAILURE = bitsOf(['auth-failure']);
const SUCCESS = bitsOf(['auth-success']);
const LOGIN = bitsOf(['login']);

/** Last segments of paths at which apps take credentials, without the ending of a script. */
const LOGIN_NAMES = new Set(
  (
    'login log-in log_in logon log-on signin sign-in sign_in authenticate authentication auth wp-login ' +
    'j_security_check j_spring_security_check session sessions'
  ).split(' '),
);
/** More than this of a path's end is not compared. */
const MAX_NAME = 64;

/**
 * What a request shows of credentials: that they were handed in, refused or accepted.
 *
 * What the app reported comes first. Else 401 and 403 are a refusal on a login route and on a sensitive POST; what this
 * module itself has refused never is, or a ban would feed itself. Accepted is only what a login route answers with 2xx
 * and no page: many show their form again, with 200, to a wrong password.
 *
 * @param path the request's path as it came, without its query.
 */
export function authenticationOf(facts: RequestFacts, path: string): number {
  const { method, status, outcome, reported } = facts;
  const isPost = method === 'POST';
  const isLogin = facts.isLogin ?? (isPost && looksLikeLogin(path));
  let bits = isLogin && isPost ? LOGIN : 0;
  if (reported !== null) return bits | (reported === 'failure' ? FAILURE : SUCCESS);
  if (outcome === 'blocked' || outcome === 'throttled') return bits;
  if (status === 401 || status === 403) {
    const isTried = isLogin
      ? method !== 'OPTIONS' && method !== 'HEAD'
      : isPost && facts.isSensitive;
    if (isTried) bits |= FAILURE;
  } else if (isLogin && isPost && isSuccess(status)) {
    if (facts.responseType !== null && !isHtml(facts.responseType)) bits |= SUCCESS;
    // Nothing was said at all: there was nothing to correct.
    else if (status === 204) bits |= SUCCESS;
  }
  return bits;
}

/** Whether a path's last segment is one at which apps take credentials. */
export function looksLikeLogin(path: string): boolean {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  const start = path.lastIndexOf('/', end - 1) + 1;
  if (end - start > MAX_NAME) return false;
  const name = path.slice(start, end).toLowerCase();
  const dot = name.indexOf('.');
  return LOGIN_NAMES.has(dot < 0 ? name : name.slice(0, dot));
}
