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
  '42501': 'the user in the URL may not do that there: grant it create on the database',
};

/** One sentence about why PostgreSQL cannot be used, without the URL's password. */
export function describeConnectionError(error: unknown): string {
  const code = errorCodeOf(error);
  const advice = code === null ? undefined : ADVICE[code];
  if (advice !== undefined) return `PostgreSQL cannot be used: ${advice} (${code})`;
  const message = messageOf(error);
  return `PostgreSQL cannot be used: ${message || code || 'unknown error'}`;
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
