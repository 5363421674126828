import { describe, expect, it } from 'vitest';
import { UNKNOWN_PLACE } from '../../geo/clean-place.js';
import type { GeoPlace } from '../../geo/geo-provider.js';
import { parseIp, type IpAddress } from '../../net/ip-address.js';
import { privacySettings } from '../../privacy/privacy.options.js';
import type { PrivacyOptions } from '../../privacy/privacy.options.js';
import { RecordPrivacy } from '../../privacy/record-privacy.js';
import { RecordIntake } from './record-intake.js';
import type { LogRecord } from '../record/request-record.js';

const KIEL: GeoPlace = { country: 'DE', city: 'Kiel' };

function record(id: string): LogRecord {
  return {
    id,
    timestampMs: 0,
    ip: parseIp('203.0.114.77'),
    ipSource: 'socket',
    method: 'GET',
    path: '/',
    route: null,
    status: 200,
    outcome: 'served',
    durationUs: 1,
    userAgent: 'curl/8',
    userId: null,
    sensitive: false,
    ruleId: null,
    reason: null,
    repeats: 0,
    signals: null,
    attemptedUser: null,
    country: null,
    city: null,
  };
}

function intakeOf(locate: () => GeoPlace | Promise<GeoPlace>, options: PrivacyOptions = {}) {
  const stored: LogRecord[] = [];
  const asked: string[] = [];
  const geo = {
    locate: (ip: IpAddress | null) => {
      asked.push(String(ip));
      return locate();
    },
    lookup: () => UNKNOWN_PLACE,
  };
  const queue = { push: (placed: LogRecord) => void stored.push(placed) };
  const intake = new RecordIntake(queue, geo, new RecordPrivacy(privacySettings(options)));
  return { intake, stored, asked };
}

describe('RecordIntake', () => {
  it('places a record by the real address before that is taken from it', () => {
    const { intake, stored, asked } = intakeOf(() => KIEL, { address: 'truncated' });
    intake.push(record('a'));
    expect(asked).toEqual(['203.0.114.77']);
    expect(stored).toEqual([{ ...record('a'), ...KIEL, ip: parseIp('203.0.114.0') }]);
  });

  it('holds a record until its place is known, and no other behind it', async () => {
    let answer!: (place: GeoPlace) => void;
    const places = [new Promise<GeoPlace>((resolve) => (answer = resolve)), KIEL];
    const { intake, stored } = intakeOf(() => places.shift()!, { address: 'none' });
    intake.push(record('slow'));
    intake.push(record('fast'));
    expect(stored.map(({ id }) => id)).toEqual(['fast']);
    expect(intake.pending).toBe(1);
    const settled = intake.settle();
    answer({ country: 'SE', city: null });
    await settled;
    expect(stored.map(({ id, country, ip }) => [id, country, ip])).toEqual([
      ['fast', 'DE', null],
      ['slow', 'SE', null],
    ]);
    expect(intake.pending).toBe(0);
  });

  it('holds a bounded number of them', () => {
    const { intake, stored } = intakeOf(() => new Promise(() => undefined));
    for (let count = 0; count < 10_050; count += 1) intake.push(record('a'));
    expect(intake.pending).toBe(10_000);
    expect(stored).toHaveLength(50);
  });
});
