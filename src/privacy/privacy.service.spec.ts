import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AddressPrivacy } from './address-privacy.js';
import type { PersonalDataRepository } from './personal-data.repository.js';
import { privacySettings } from './privacy.options.js';
import { PrivacyService } from './privacy.service.js';

/** Records are looked for in the table in pages of this size. */
const PAGE = 1_000;

describe.each([0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 500])(
  'of %i records on their way',
  (count) => {
    const rows = Array.from({ length: count }, (_, number) => ({
      // A host may give its records ids of another kind.
      id: number % 10 === 9 ? `own-${number}` : randomUUID(),
      timestamp: new Date(0),
      number,
    }));
    /** The table has each third of them by now. */
    const arrived = new Set(rows.filter(({ number }) => number % 3 === 0).map(({ id }) => id));
    const pages: number[] = [];
    const none = () => Promise.resolve([]);
    const stored = {
      days: none,
      findings: none,
      findingsSpan: () => Promise.resolve(null),
      rules: none,
      forwarder: none,
      marks: none,
      banEvents: none,
      arrived: (keys: { id: string }[]) => {
        pages.push(keys.length);
        return Promise.resolve(new Set(keys.map(({ id }) => id).filter((id) => arrived.has(id))));
      },
    } as unknown as PersonalDataRepository;
    const spool = {
      eraseAddress: () => undefined,
      async *exportAddress() {
        yield* rows;
      },
    };

    it('an export has those that the table has not, each once', async () => {
      pages.length = 0;
      const addresses = new AddressPrivacy(privacySettings({}));
      const service = new PrivacyService(stored, addresses, spool, () => Date.now());
      const exported: unknown[] = [];
      for await (const { kind, row } of service.exportAddress('203.0.113.7')) {
        expect(kind).toBe('spooled');
        exported.push(row['number']);
      }
      const missing = rows.filter(({ id }) => !arrived.has(id) || id.startsWith('own-'));
      expect(exported).toEqual(missing.map(({ number }) => number));
      expect(Math.max(0, ...pages)).toBeLessThanOrEqual(PAGE);
      expect(pages).toHaveLength(Math.ceil(count / PAGE));
    });
  },
);
