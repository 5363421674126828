import { requireIp, type IpAddress } from '../net/ip-address.js';
import type { AddressPrivacy } from './address-privacy.js';
import type { PersonalDataRepository } from './personal-data.repository.js';
import type { FormsAt, SpooledRecords } from './spooled-records.js';

const DAY_MS = 86_400_000;
/** A client is found by rows that may have come late, so their hash is of an earlier time than the finding. */
const FOUND_LATE_MS = 7 * DAY_MS;
/** Records may have waited as long as this in a spool, or as long as rows are kept, if that is longer. */
const SPOOLED_LONG_MS = 35 * DAY_MS;
/** So many records on their way are looked for in the table at once. */
const AT_ONCE = 1_000;

/** A host may push records with an id of another kind; the table has none of those. */
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What was erased of an address. */
export interface ErasedAddress {
  /** The address, in its canonical form. */
  ipAddress: string;
  /** Rows of the request log. */
  requests: number;
  findings: number;
  /** Entries in the audit of bans that do not say any more whom they were about. Those of a ban in force stay. */
  banEvents: number;
  /** Records found on their way to the log, in this process and in the spools of its folder. */
  spooled: number;
  /** Rules that name exactly this address. They stay: whoever is blocked could otherwise be let in again by asking. */
  keptRules: number;
}

/** One thing that is stored of an address: a row by its columns. */
export interface ExportedRow {
  kind: 'request' | 'spooled' | 'finding' | 'rule' | 'ban' | 'forwarder' | 'erasure';
  row: Record<string, unknown>;
}

/**
 * Finds what is stored of an address, to hand it out or to erase it: under the address itself, and under each hash that
 * it has had by a key that is known, whatever `privacy.address` says today. What was stored truncated, or without any
 * address, cannot be told from what others did, and is left alone.
 */
export class PrivacyService {
  /** @internal */
  constructor(
    private readonly stored: PersonalDataRepository,
    private readonly addresses: AddressPrivacy,
    private readonly spool: SpooledRecords | null,
    private readonly now: () => number,
    /** Who keeps clients in memory. */
    private readonly watch: { forget(clients: readonly IpAddress[]): void } | null = null,
  ) {}

  /**
   * Erases an address from the request log and the findings, in one transaction, and from what is on its way to the log:
   * whichever process has a record of a request that was made before this call, and whenever it delivers it, that record
   * becomes no row. For that it is noted, in `erased_address`, what has to be left out.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address; `IPT_LOG_BUSY` where somebody
   * else's transaction does not stop writing to the log.
   */
  async eraseAddress(address: string): Promise<ErasedAddress> {
    const ip = requireIp(address);
    // Noted first: what arrives from now on is left out, what had arrived is deleted, and nothing is between the two.
    const beforeMs = await this.stored.markErased(await this.arrivingForms(ip), this.now());
    let spooled = 0;
    for await (const rows of this.onTheirWay(ip)) spooled += rows.length;
    this.spool?.eraseAddress(this.formsAt(ip), beforeMs);
    this.watch?.forget([ip, ...(await this.arrivingForms(ip))]);
    await this.stored.writersDone();
    return this.stored.transaction(async (stored) => {
      let requests = 0;
      for (const day of await stored.days()) {
        requests += await stored.deleteRows(day, this.formsOf(ip, day));
      }
      const findings = await stored.deleteFindings(await this.foundForms(ip, stored));
      const banEvents = await stored.deleteBanEvents(ip);
      await stored.deleteForwarder(ip);
      const keptRules = (await stored.rules(ip)).length;
      return { ipAddress: ip.toString(), requests, findings, banEvents, spooled, keptRules };
    });
  }

  /**
   * Everything that is stored of an address, a day at a time: rows of the request log, records on their way there,
   * findings, the rules that name it, and whether it was seen forwarding for others.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
   */
  async *exportAddress(address: string): AsyncGenerator<ExportedRow> {
    const ip = requireIp(address);
    const { stored } = this;
    // Before the rows: a record that arrives meanwhile is given twice rather than not at all.
    for await (const rows of this.onTheirWay(ip)) yield* ofKind('spooled', rows);
    for (const day of await stored.days()) {
      yield* ofKind('request', await stored.rows(day, this.formsOf(ip, day)));
    }
    yield* ofKind('finding', await stored.findings(await this.foundForms(ip, stored)));
    yield* ofKind('rule', await stored.rules(ip));
    yield* ofKind('ban', await stored.banEvents(ip));
    yield* ofKind('forwarder', await stored.forwarder(ip));
    yield* ofKind('erasure', await stored.marks(await this.arrivingForms(ip)));
  }

  /** The records of an address that are not in the table yet, some at a time. */
  private async *onTheirWay(ip: IpAddress): AsyncGenerator<Record<string, unknown>[]> {
    if (this.spool === null) return;
    let rows: Record<string, unknown>[] = [];
    for await (const row of this.spool.exportAddress(this.formsAt(ip))) {
      rows.push(row);
      if (rows.length < AT_ONCE) continue;
      yield await this.missing(rows);
      rows = [];
    }
    if (rows.length > 0) yield await this.missing(rows);
  }

  /** The segment of a record may outlive its delivery by a moment. */
  private async missing(rows: Record<string, unknown>[]): Promise<Record<string, unknown>[]> {
    const keys = rows as unknown as { id: string; timestamp: Date }[];
    const arrived = await this.stored.arrived(keys.filter(({ id }) => UUID.test(id)));
    return rows.filter(({ id }) => !arrived.has(id as string));
  }

  private formsAt(ip: IpAddress): FormsAt {
    return (timestampMs) => this.addresses.formsBetween(ip, timestampMs, timestampMs);
  }

  /** What records that are still on their way may hold. */
  private async arrivingForms(ip: IpAddress): Promise<IpAddress[]> {
    const nowMs = this.now();
    const [firstDay = nowMs] = await this.stored.days();
    return this.addresses.arrivingBetween(ip, Math.min(firstDay, nowMs - SPOOLED_LONG_MS), nowMs);
  }

  private formsOf(ip: IpAddress, dayMs: number): IpAddress[] {
    return this.addresses.formsBetween(ip, dayMs, dayMs + DAY_MS - 1);
  }

  /** Findings outlive the rows that they were made of. */
  private async foundForms(ip: IpAddress, stored: PersonalDataRepository): Promise<IpAddress[]> {
    const span = await stored.findingsSpan();
    return span === null
      ? []
      : this.addresses.formsBetween(ip, span.fromMs - FOUND_LATE_MS, span.toMs);
  }
}

function* ofKind(
  kind: ExportedRow['kind'],
  rows: readonly Record<string, unknown>[],
): Generator<ExportedRow> {
  for (const row of rows) yield { kind, row };
}
