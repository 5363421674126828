import type { Judgement } from '../../src/judge/judgement.js';

/** What somebody has said of an address, by what it asked for. `ambiguous` counts for nothing. */
export interface AddressLabel {
  readonly ip: string;
  readonly label: 'hostile' | 'benign' | 'ambiguous';
  readonly why: string;
  readonly requests: number;
}

/** How right a judgement is, by address. */
export interface JudgeFigures {
  readonly hostile: number;
  readonly benign: number;
  readonly found: number;
  /** Of those found that are labelled hostile or benign, the share that is hostile; 1 where nobody was found. */
  readonly precision: number;
  /** The share of the hostile that was found; 1 where there is nobody hostile. */
  readonly recall: number;
  readonly hostileRequests: number;
  readonly hostileRefused: number;
  readonly benignRefused: number;
  /** The same where nothing bounds how many clients are banned. */
  readonly hostileRefusedWithoutBudget: number;
  readonly benignRefusedWithoutBudget: number;
  /** Clients that were banned, labelled or not, and bans for which there was no room. */
  readonly banned: number;
  readonly overBudget: number;
  readonly benignBanned: number;
  /** Benign addresses that were found, with the reasons. */
  readonly falseAlarms: readonly {
    readonly ip: string;
    readonly why: string;
    readonly reasons: readonly string[];
  }[];
  /** Hostile addresses that were not found, with what is said of them. */
  readonly missed: readonly AddressLabel[];
}

/** Compares a judgement, made in mode `ban`, with labels. */
export function figuresOf(
  { clients, bansOverBudget }: Judgement,
  labels: readonly AddressLabel[],
): JudgeFigures {
  const byAddress = new Map(clients.map((client) => [client.ipAddress, client]));
  const of = (wanted: AddressLabel['label']) => labels.filter(({ label }) => label === wanted);
  const hostile = of('hostile');
  const benign = of('benign');
  const foundOf = (some: readonly AddressLabel[]) =>
    some.flatMap(({ ip }) => byAddress.get(ip) ?? []);
  const caught = foundOf(hostile);
  const alarms = foundOf(benign);
  const refused = (some: readonly { refused: number }[]) =>
    some.reduce((sum, one) => sum + one.refused, 0);
  const refusedWithoutBudget = (some: readonly { refusedWithoutBudget: number }[]) =>
    some.reduce((sum, one) => sum + one.refusedWithoutBudget, 0);
  return {
    hostile: hostile.length,
    benign: benign.length,
    found: caught.length,
    precision: share(caught.length, caught.length + alarms.length),
    recall: share(caught.length, hostile.length),
    hostileRequests: hostile.reduce((sum, { requests }) => sum + requests, 0),
    hostileRefused: refused(caught),
    benignRefused: refused(alarms),
    hostileRefusedWithoutBudget: refusedWithoutBudget(caught),
    benignRefusedWithoutBudget: refusedWithoutBudget(alarms),
    banned: clients.filter(({ bannedFrom }) => bannedFrom !== null).length,
    overBudget: bansOverBudget,
    benignBanned: alarms.filter(({ bannedFrom }) => bannedFrom !== null).length,
    falseAlarms: alarms.map(({ ipAddress, reasons }) => ({
      ip: ipAddress,
      why: benign.find(({ ip }) => ip === ipAddress)?.why ?? '',
      reasons,
    })),
    missed: hostile.filter(({ ip }) => !byAddress.has(ip)),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}
