import { messageOf } from '../ip-tracking.errors.js';

/** The parts of a driver's error that say which kind it is. */
interface DriverError {
  code?: string;
  message?: string;
  driverError?: DriverError;
  errors?: DriverError[];
}

/** The SQLSTATE of PostgreSQL, or node's code such as `ECONNREFUSED`; null where the error has neither. */
export function errorCodeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, driverError, errors } = error as DriverError;
  return code ?? driverError?.code ?? errors?.[0]?.code ?? null;
}

const NO_CA =
  "its certificate is signed by nobody that Node trusts: give the CA's certificate in database.ssl ({ ca }), or with sslrootcert=<file> in the URL; sslmode=no-verify encrypts without asking who answers";

const ADVICE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is PostgreSQL running, and are host and port right?',
  ENOTFOUND: 'its host name cannot be resolved: is the host in the URL right?',
  EAI_AGAIN: 'its host name cannot be resolved right now: is the network up?',
  ETIMEDOUT: 'it does not answer: is a firewall in between?',
  ECONNRESET: 'it closed the connection: is it a PostgreSQL server?',
  '28P01': 'it refused the password of the user in the URL',
  '28000': 'it refused the user in the URL',
  '3D000': 'the database in the URL does not exist: create it first',
  '53300': 'it has no connection left: raise max_connections or close some',
  '57P03': 'it is still starting up or shutting down: try again in a moment',
  DEPTH_ZERO_SELF_SIGNED_CERT: NO_CA,
  SELF_SIGNED_CERT_IN_CHAIN: NO_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NO_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NO_CA,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: connect by the name that is in it, or give that name in database.ssl ({ servername })',
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it on the server',
  '42501': 'the user in the URL may not do that there: grant it create on the database',
};

/** What one can tell by the words of an error alone, before its code is asked. */
const ADVICE_BY_WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /does not support SSL/i,
    'it takes no TLS, which the URL or database.ssl asks for: set it up on the server, or say sslmode=disable where the way there is safe',
  ],
  [
    /no pg_hba\.conf entry.*(?:no encryption|SSL off)/i,
    'it takes this user from here only with TLS: say sslmode=verify-full in the URL, or give database.ssl',
  ],
  [
    /no pg_hba\.conf entry/i,
    'its pg_hba.conf lets this user not in from here to this database: add an entry for them',
  ],
  [
    /unsupported startup parameter/i,
    'a pooler such as PgBouncer answers there and refuses our settings: give the URL of PostgreSQL itself in database.directUrl, and keep the pooler in database.url',
  ],
];

/** One sentence about why PostgreSQL cannot be used, without the URL's password. */
export function describeConnectionError(error: unknown): string {
  const code = errorCodeOf(error);
  const words = messageOf(error);
  const byWords = ADVICE_BY_WORDS.find(([pattern]) => pattern.test(words))?.[1];
  if (byWords !== undefined) return `PostgreSQL cannot be used: ${byWords} (${words})`;
  const advice = code === null ? undefined : ADVICE[code];
  if (advice !== undefined) return `PostgreSQL cannot be used: ${advice} (${code})`;
  return `PostgreSQL cannot be used: ${words || code || 'unknown error'}`;
}

const UNREACHABLE = /^(ECONN|ETIMEDOUT|ENOTFOUND|EAI_|EPIPE|EHOST|ENET|08|57P|53)/;

/** A replica that takes no writes; a transaction that was ended because its next statement did not come. */
const PASSING = new Set(['25006', '25P03']);

/** Whether the error says that PostgreSQL is gone or busy, so that the same statement may pass later. */
export function isTransient(error: unknown): boolean {
  const code = errorCodeOf(error);
  if (code === 'IPT_DATABASE_UNAVAILABLE') return true;
  if (code !== null) return UNREACHABLE.test(code) || code.startsWith('40') || PASSING.has(code);
  // pg reports a lost socket and a pool timeout as plain errors without a code.
  return error instanceof Error && /connection|timeout|terminated/i.test(error.message);
}
