/** What may follow from a finding, the mildest first: it is kept, its client is slowed down, its client is shut out. */
export type Response = 'flag' | 'limit' | 'ban';

/** What a detector may do at most; `off` means that it finds nothing. */
export type ResponseLevel = 'off' | Response;

const SEVERITY: Readonly<Record<Response, number>> = { flag: 0, limit: 1, ban: 2 };

/** Whether the first is milder than the second. */
export function isMilder(one: Response, other: Response): boolean {
  return SEVERITY[one] < SEVERITY[other];
}

/** The milder of two. */
export function milder(one: Response, other: Response): Response {
  return isMilder(one, other) ? one : other;
}

/** Whether a value is a response: what a function of the host's returns may be anything. */
export function isResponse(value: unknown): value is Response {
  return typeof value === 'string' && Object.hasOwn(SEVERITY, value);
}
