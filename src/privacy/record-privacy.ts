import type { IpAddress } from '../net/ip-address.js';
import { AddressPrivacy } from './address-privacy.js';
import { keptQuery } from './kept-query.js';
import type { PrivacySettings } from './privacy.options.js';

/** The parts of a record that say who asked. */
export interface PersonalRecord {
  ip: IpAddress | null;
  /** Epoch milliseconds. */
  readonly timestampMs: number;
  userAgent: string | null;
}

/** Takes from a record what is not to be kept, before anything is written anywhere. */
export class RecordPrivacy {
  private readonly addresses: AddressPrivacy;
  private readonly keptNames: ReadonlySet<string>;
  private readonly keepsAll: boolean;

  constructor(private readonly settings: PrivacySettings) {
    this.addresses = new AddressPrivacy(settings);
    this.keptNames = new Set(settings.query);
    this.keepsAll = this.addresses.isFull && settings.userAgent;
  }

  /** Takes it from the record itself. Its place is looked up before, by the real address. */
  apply(record: PersonalRecord): void {
    if (this.keepsAll) return;
    record.ip = this.addresses.stored(record.ip, record.timestampMs);
    if (!this.settings.userAgent) record.userAgent = null;
  }

  /** What is kept of a request's query string, with its question mark; empty for nothing. */
  queryOf(url: string): string {
    return this.keptNames.size === 0 ? '' : keptQuery(url, this.keptNames);
  }
}
