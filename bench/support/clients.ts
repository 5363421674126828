/** A busy hour's clients, most of whom are somewhere. */
export const CLIENTS = Array.from(
  { length: 10_000 },
  (_, i) => `${66 + (i % 20)}.${i % 250}.${Math.floor(i / 250)}.${(i % 250) + 1}`,
);

/** Whose a request is: one after another. */
export const anyClient = (request: number): string => CLIENTS[request % CLIENTS.length]!;
