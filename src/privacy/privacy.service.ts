import { IpTrackingError } from '../ip-tracking.errors.js';
import { parseIp, type IpAddress } from '../net/ip-address.js';
import type { AddressPrivacy } from './address-privacy.js';
import type { PersonalDataRepository } from './personal-data.repository.js';
import type { SpooledRecords } from './spooled-records.js';

const DAY_MS = 86_400_000;
/** A client is found by rows that may have come late, so his hash is of an earlier time than the finding. */
const FOUND_LATE_MS = 7 * DAY_MS;

/** What was erased of an address. */
export interface ErasedAddress {
  /** The address, in its canonical form. */
  ipAddress: string;
  /** Rows of the request log. */
  requests: number;
  findings: number;
  /** Records that were on their way to the log. */
  spooled: number;
  /** Rules that name exactly this address. They stay: whoever is blocked could otherwise unblock himself by asking. */
  keptRules: number;
}

/** One thing that is stored of an address: a row by its columns. */
export interface ExportedRow {
  kind: 'request' | 'spooled' | 'finding' | 'rule';
  row: Record<string, unknown>;
}

/**
 * Finds what is stored of an address, to hand it out or to erase it: under the address itself, and under each hash that
 * it has had by a key that is known, whatever `privacy.address` says today. What was stored truncated, or without any
 * address, cannot be told from what others did, and is left alone.
 */
export class PrivacyService {
  constructor(
    private readonly stored: PersonalDataRepository,
    private readonly addresses: AddressPrivacy,
    private readonly spool: SpooledRecords | null,
  ) {}

  /**
   * Erases an address from the request log, the findings and the spool. The tables are changed in one transaction. What
   * another process holds in its memory arrives later: repeat after a second, or erase while nobody calls.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
   */
  async eraseAddress(address: string): Promise<ErasedAddress> {
    const ip = readIp(address);
    const spooled =
      (await this.spool?.eraseAddress((at) => this.addresses.formsBetween(ip, at, at))) ?? 0;
    return this.stored.transaction(async (stored) => {
      let requests = 0;
      for (const day of await stored.days()) {
        requests += await stored.deleteRows(day, this.formsOf(ip, day));
      }
      const findings = await stored.deleteFindings(await this.foundForms(ip, stored));
      const keptRules = (await stored.rules(ip)).length;
      return { ipAddress: ip.toString(), requests, findings, spooled, keptRules };
    });
  }

  /**
   * Everything that is stored of an address, a day at a time: rows of the request log, records on their way there,
   * findings, and the rules that name it.
   *
   * @throws IpTrackingError `IPT_INVALID_IP` for text that is not exactly one address.
   */
  async *exportAddress(address: string): AsyncGenerator<ExportedRow> {
    const ip = readIp(address);
    const { stored } = this;
    for (const day of await stored.days()) {
      yield* ofKind('request', await stored.rows(day, this.formsOf(ip, day)));
    }
    if (this.spool !== null) {
      const spooled = this.spool.exportAddress((at) => this.addresses.formsBetween(ip, at, at));
      for await (const row of spooled) yield { kind: 'spooled', row };
    }
    yield* ofKind('finding', await stored.findings(await this.foundForms(ip, stored)));
    yield* ofKind('rule', await stored.rules(ip));
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

function readIp(text: string): IpAddress {
  const ip = parseIp(text);
  if (ip !== null) return ip;
  throw new IpTrackingError(
    'IPT_INVALID_IP',
    `${JSON.stringify(String(text).slice(0, 64))} is not an IP address: give exactly one, such as 203.0.113.7 or 2001:db8::1`,
  );
}

function* ofKind(
  kind: ExportedRow['kind'],
  rows: readonly Record<string, unknown>[],
): Generator<ExportedRow> {
  for (const row of rows) yield { kind, row };
}
