/** What a request of the drill asks for, so that its row can be told from every other one. */
export interface Asked {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  headers: Record<string, string>;
  /** What the app is to answer. */
  status: number;
}

/** How requests follow each other; whatever is not said is a `GET` that is served. */
const KINDS: readonly Partial<Pick<Asked, 'method' | 'status'> & { folder: string }>[] = [
  {},
  { method: 'POST', status: 201 },
  {},
  { status: 401 },
  { folder: '/login' },
  { status: 500 },
  // Nothing listens to it.
  { method: 'DELETE', status: 404 },
  {},
  { status: 404 },
  { method: 'PUT' },
  { status: 403 },
];

/** Where the request with an id goes, where a fault does not say so. */
export function pathBy(id: string): string {
  return `${kindOf(id).folder ?? ''}/${id}`;
}

/** What the request with an id asks for: the same each time it is asked. */
export function askedBy(id: string, pathOf: (id: string) => string): Asked {
  const number = numberOf(id);
  const { method = 'GET', status = 200 } = kindOf(id);
  return {
    method,
    status,
    path: pathOf(id),
    headers: {
      'x-answer': String(status),
      'x-forwarded-for': addressOf(number),
      'user-agent': `drill/${number} "quoted" \\n é`,
      ...(number % 3 === 0 ? { 'x-user': `user-${number % 1_000}` } : {}),
    },
  };
}

function numberOf(id: string): number {
  return Number(id.split('-')[1]);
}

function kindOf(id: string): (typeof KINDS)[number] {
  return KINDS[numberOf(id) % KINDS.length]!;
}

/** Addresses that a provider may be asked about, of both families. */
function addressOf(number: number): string {
  const [high, low] = [(number >> 8) & 0xff, number & 0xff];
  return number % 4 === 3
    ? `2600:1f18:0:${(number & 0xffff).toString(16)}::${low.toString(16)}1`
    : `198.50.${high}.${low}`;
}
