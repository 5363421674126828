import type { Answer, Load } from './fixed-load.js';

/** One row of the log, as the database has it. */
export interface DrillRow extends Record<string, unknown> {
  id: string;
  timestamp: Date;
  path: string;
  duration_us: string;
  ingested_at: Date;
}

/** The app's clock and the clients' are one; a request may come between two of its ticks, in milliseconds. */
const TICK_MS = 2;
/** The clocks of the app and of PostgreSQL, and what they leave out, differ by less, in milliseconds. */
const CLOCKS_MS = 100;

/** The id of the request that a row is of. */
export function idOf({ path }: Pick<DrillRow, 'path'>): string {
  return path.split('/').at(-1)!;
}

/**
 * Compares every column of every row with what its client has asked for and seen.
 *
 * @returns what is not as it should be, one sentence each, and no more than some of it.
 */
export function wrongContent(rows: readonly DrillRow[], loads: readonly Load[]): string[] {
  const answers = new Map(loads.flatMap((load) => [...load.answers]));
  const wrong: string[] = [];
  const columns: Record<string, Check> = { ...COLUMNS, signals: signalsCheck() };
  for (const row of rows) {
    const answer = answers.get(idOf(row));
    // Its connection was cut while it was answered: nobody has seen it.
    if (answer === undefined) continue;
    for (const [column, value] of Object.entries(row)) {
      const check = columns[column];
      const is = check === undefined ? 'a column that nobody knows' : check(value, answer, row);
      if (is === true) continue;
      wrong.push(`${idOf(row)}: ${column} is ${JSON.stringify(value)}, and not ${String(is)}`);
      if (wrong.length >= 5) return wrong;
    }
  }
  return wrong;
}

/** What shows of requests of one kind; whatever it is, it shows of each of them. */
function signalsCheck(): Check {
  const ofKind = new Map<string, unknown>();
  return (value, { asked, status }) => {
    const kind = `${asked.method} ${status} ${asked.path.split('/').slice(1, -1).join('/')}`;
    if (!ofKind.has(kind)) ofKind.set(kind, value);
    return ofKind.get(kind) === value || `${String(ofKind.get(kind))} as of others`;
  };
}

/** Gives true where the value is right, else what it should be. */
type Check = (value: unknown, answer: Answer, row: DrillRow) => true | string;

function is(expected: (answer: Answer, row: DrillRow) => unknown): Check {
  return (value, answer, row) => {
    const [right, found] = [JSON.stringify(expected(answer, row)), JSON.stringify(value)];
    return right === found || right;
  };
}

const headerOf = ({ asked }: Answer, name: string): string | null => asked.headers[name] ?? null;
const isUnmatched = ({ asked, status }: Answer): boolean =>
  asked.method === 'DELETE' && status === 404;
/** What Fastify answers by itself while it closes, before it looks for a route. */
const isClosing = ({ status }: Answer): boolean => status === 503;

const COLUMNS: Record<string, Check> = {
  id: (value, _, { timestamp }) => {
    const [high, low, rest] = String(value).split('-');
    const isOfItsTime = Number.parseInt(`${high}${low}`, 16) === timestamp.getTime();
    return (isOfItsTime && rest!.startsWith('7')) || `a UUIDv7 of ${timestamp.toISOString()}`;
  },
  timestamp: (value, { sentAt, answeredAt }) => {
    const at = (value as Date).getTime();
    return (at >= sentAt - TICK_MS && at <= answeredAt + TICK_MS) || `${sentAt} to ${answeredAt}`;
  },
  ip_address: is((answer) => headerOf(answer, 'x-forwarded-for')),
  ip_source: is(() => 'x-forwarded-for'),
  method: is(({ asked }) => asked.method),
  path: is(({ asked }) => asked.path),
  route: (value, answer) => {
    if (isClosing(answer)) return true;
    if (isUnmatched(answer)) return value === null || 'null';
    return (typeof value === 'string' && value.startsWith('/')) || 'the pattern of the route';
  },
  status: is(({ status }) => status),
  outcome: is((answer) => {
    if (isUnmatched(answer)) return 'unmatched';
    if (answer.status >= 500) return 'failed';
    return answer.status === 401 || answer.status === 403 ? 'refused' : 'served';
  }),
  // Until the response has closed, which may be some time after its client has it.
  duration_us: (value, _, { timestamp, ingested_at }) => {
    const atMost = (ingested_at.getTime() - timestamp.getTime() + CLOCKS_MS) * 1_000;
    return (Number(value) > 0 && Number(value) <= atMost) || `0 to ${atMost}`;
  },
  country: is(() => 'SE'),
  city: is((answer) => `Kiruna ${headerOf(answer, 'x-forwarded-for')}`),
  user_agent: is((answer) => headerOf(answer, 'user-agent')),
  user_id: is((answer) => headerOf(answer, 'x-user')),
  sensitive: is(({ asked }) => asked.path.startsWith('/login/')),
  rule_id: is(() => null),
  attempted_user: is(() => null),
  reason: is(() => null),
  repeats: is(() => 0),
  // As jsonb orders keys.
  extra: is(({ asked }) => ({ odd: 'a\\"\t\u001eb', asked: asked.headers['x-answer'] })),
  ingested_at: (value, _, { timestamp }) =>
    (value as Date).getTime() >= timestamp.getTime() - TICK_MS || 'after its time',
};
