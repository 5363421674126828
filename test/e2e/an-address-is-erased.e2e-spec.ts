import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { PrivacyService, parseIp, trackerKey, type PrivacyOptions } from '../../src/index.js';
import { AddressPrivacy } from '../../src/privacy/address-privacy.js';
import { PersonalDataRepository } from '../../src/privacy/personal-data.repository.js';
import { privacySettings } from '../../src/privacy/privacy.options.js';
import { RequestLogPartitions } from '../../src/request-log/table/partitions.js';
import { compiledMain } from '../support/compiled.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const KEY = 'a key of thirty-two bytes or more';
const NEW_KEY = 'another key of thirty-two bytes or more';
const DAY_MS = 86_400_000;
const ADDRESS = '203.0.113.77';
const NEIGHBOUR = '203.0.113.78';

describe('an address', () => {
  let test: TestDatabase;
  let database: Database;

  beforeEach(async () => {
    test = await createTestDatabase();
    database = new Database(createDataSource({ url: test.url }, []), true);
    await new RequestLogPartitions(database, Date.now).ensure();
  });
  afterEach(async () => {
    await database.close();
    await test.close();
  });

  const privacy = (options: PrivacyOptions = {}) => new AddressPrivacy(privacySettings(options));
  const service = (options: PrivacyOptions = {}) =>
    new PrivacyService(new PersonalDataRepository(database), privacy(options), null, Date.now);
  const daysAgo = (days: number) => Date.now() - days * DAY_MS;

  /** A row, as an app with these settings would have stored it. */
  const store = (address: string, days = 0, options: PrivacyOptions = {}) =>
    test.query(
      `insert into ip_tracking.request_log
         (id, "timestamp", ingested_at, ip_address, ip_source, method, path, status, outcome, duration_us)
       values (gen_random_uuid(), $1, $1, $2, 'socket', 'GET', '/caf\u00e9', 200, 'served', 1)`,
      [
        new Date(daysAgo(days)),
        privacy(options).stored(parseIp(address), daysAgo(days))?.toString() ?? null,
      ],
    );
  const find = (address: string, options: PrivacyOptions = {}, days = 0) =>
    test.query(
      `insert into ip_tracking.suspicious_ip (subject_kind, subject, ip_address, detector, reason, evidence, weight,
              first_seen_at, last_seen_at, flagged_at, updated_at)
       values ('client', $1::text, $1::inet, 'request-volume', 'many', '{}', 5, $2, $2, $2, $2)`,
      [
        trackerKey(privacy(options).stored(parseIp(address), daysAgo(days))!),
        new Date(daysAgo(days)),
      ],
    );
  const rows = async () =>
    (
      await test.query<{ count: number }>(
        'select count(*)::integer as count from ip_tracking.request_log',
      )
    )[0]!.count;
  const exported = async (address: string, options: PrivacyOptions = {}) => {
    const found = [];
    for await (const { kind, row } of service(options).exportAddress(address)) {
      found.push(`${kind} ${String(row['ip_address'] ?? row['network'])}`);
    }
    return found;
  };

  it('is erased from log and findings, and nobody else is', async () => {
    await store(ADDRESS);
    await store(ADDRESS, 20);
    await store(NEIGHBOUR);
    await find(ADDRESS);
    await find(NEIGHBOUR);
    await test.query(`insert into ip_tracking.ip_rule (action, network) values ('block', $1)`, [
      `${ADDRESS}/32`,
    ]);
    expect(await exported(ADDRESS)).toEqual([
      `request ${ADDRESS}`,
      `request ${ADDRESS}`,
      `finding ${ADDRESS}`,
      `rule ${ADDRESS}/32`,
    ]);
    expect(await service().eraseAddress(`::ffff:${ADDRESS}`)).toEqual({
      ipAddress: ADDRESS,
      requests: 2,
      findings: 1,
      banEvents: 0,
      spooled: 0,
      keptRules: 1,
    });
    expect(await exported(ADDRESS)).toEqual([`rule ${ADDRESS}/32`, `erasure ${ADDRESS}`]);
    expect(await exported(NEIGHBOUR)).toEqual([`request ${NEIGHBOUR}`, `finding ${NEIGHBOUR}`]);
    expect(await service().eraseAddress(ADDRESS)).toMatchObject({ requests: 0, findings: 0 });
  });

  it('is forgotten as one that was seen forwarding, as any client can say of itself', async () => {
    await test.query(
      `insert into ip_tracking.protected_network (network, kind)
       values ($1, 'forwarding peer'), ($2, 'forwarding peer'), ($1, 'own address')`,
      [`${ADDRESS}/32`, `${NEIGHBOUR}/32`],
    );
    expect(await exported(ADDRESS)).toEqual([`forwarder ${ADDRESS}/32`]);
    await service().eraseAddress(ADDRESS);
    expect(await exported(ADDRESS)).toEqual([`erasure ${ADDRESS}`]);
    const left = await test.query<{ kind: string }>(
      'select kind from ip_tracking.protected_network order by kind',
    );
    expect(left.map(({ kind }) => kind)).toEqual(['forwarding peer', 'own address']);
  });

  it('of IPv6 takes the findings about its /64 with it, and no rows of others there', async () => {
    await store('2001:db8:1:2::3');
    await store('2001:db8:1:2::4');
    await find('2001:db8:1:2::3');
    expect(await exported('2001:db8:1:2::3')).toEqual([
      'request 2001:db8:1:2::3',
      'finding 2001:db8:1:2::/64',
    ]);
    expect(await service().eraseAddress('2001:DB8:1:2::3')).toMatchObject({
      requests: 1,
      findings: 1,
    });
    expect(await rows()).toBe(1);
  });

  it('is found under the hashes of all periods, and under what it was stored as before', async () => {
    const hashed: PrivacyOptions = { address: 'hashed', key: KEY };
    for (const days of [0, 1, 5, 20, 100]) await store(ADDRESS, days, hashed);
    await store(ADDRESS, 30);
    await store(NEIGHBOUR, 1, hashed);
    await find(ADDRESS, hashed, 60);
    expect(await exported(ADDRESS, hashed)).toHaveLength(7);
    expect(await exported(ADDRESS)).toHaveLength(1);
    expect(await service(hashed).eraseAddress(ADDRESS)).toMatchObject({
      requests: 6,
      findings: 1,
    });
    expect(await rows()).toBe(1);
  });

  it('is found under a key of before as long as that is given, and never again without it', async () => {
    await store(ADDRESS, 1, { address: 'hashed', key: KEY });
    const now: PrivacyOptions = { address: 'hashed', key: NEW_KEY };
    expect(await exported(ADDRESS, now)).toEqual([]);
    expect(await exported(ADDRESS, { ...now, previousKeys: [KEY] })).toHaveLength(1);
  });

  it('that was truncated is left alone: it is their neighbours as well', async () => {
    const truncated: PrivacyOptions = { address: 'truncated' };
    await store(ADDRESS, 0, truncated);
    for (const address of [ADDRESS, '203.0.113.0']) {
      expect(await service(truncated).eraseAddress(address)).toMatchObject({ requests: 0 });
    }
    expect(await rows()).toBe(1);
  });

  it('is erased wholly or not at all', async () => {
    await store(ADDRESS);
    await test.query(`create function ip_tracking.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'no'; end $$`);
    await test.query(`create trigger refuse before delete on ip_tracking.suspicious_ip
      for each row execute function ip_tracking.refuse()`);
    await find(ADDRESS);
    await expect(service().eraseAddress(ADDRESS)).rejects.toThrow('no');
    expect(await rows()).toBe(1);
  });

  it.each(['', '203.0.113.0/24', '203.0.113', 'example.com'])('is not "%s"', async (text) => {
    await expect(service().eraseAddress(text)).rejects.toMatchObject({ code: 'IPT_INVALID_IP' });
    await expect(exported(text)).rejects.toMatchObject({ code: 'IPT_INVALID_IP' });
  });

  describe('on the command line', () => {
    let main: string;
    beforeAll(async () => {
      main = join(await compiledMain(), 'src/cli/main.js');
    });

    const run = (args: string[], more: Record<string, string> = {}) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const env = { ...process.env, IP_TRACKING_DATABASE_URL: test.url, ...more };
        execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        });
      });

    it('is exported as lines of JSON, and erased', async () => {
      await store(ADDRESS);
      await store(ADDRESS, 3, { address: 'hashed', key: KEY });
      const { code, stdout } = await run(['export-ip', ADDRESS], { IP_TRACKING_PRIVACY_KEY: KEY });
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(2);
      expect(stdout).toContain('/caf\\u00e9');
      expect(JSON.parse(lines[1]!)).toMatchObject({ kind: 'request', path: '/café', status: 200 });
      expect(await run(['erase-ip', ADDRESS])).toEqual({
        code: 0,
        stdout: `erased ${ADDRESS}: 1 request, 0 findings\n`,
        stderr: '',
      });
      const keys = { IP_TRACKING_PRIVACY_KEY: `${NEW_KEY}, ${KEY}` };
      expect((await run(['erase-ip', ADDRESS], keys)).stdout).toMatch(/: 1 request, 0 findings/);
      expect(await run(['export-ip', ADDRESS])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(
          /^{"kind":"erasure","ip_address":"203\.0\.113\.77",[^\n]+\n$/,
        ),
      });
    });

    it('has to be one', async () => {
      expect(await run(['erase-ip', '203.0.113.0/24'])).toMatchObject({ code: 2 });
      expect(await run(['export-ip', 'x'])).toMatchObject({ code: 2 });
      expect(await run(['erase-ip', ADDRESS], { IP_TRACKING_PRIVACY_KEY: 'x' })).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/privacy\.key is 1 bytes long/),
      });
    });

    it('goes with its day when the log is pruned', async () => {
      await store(ADDRESS, 40);
      await store(ADDRESS);
      expect(await run(['prune'])).toMatchObject({ code: 2, stdout: '' });
      expect(await run(['prune', '--days', '0'])).toMatchObject({ code: 2, stdout: '' });
      expect(await rows()).toBe(2);
      expect(await run(['prune', '--days', '30'])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(
          /^dropped 0 days, deleted 1 stray rows and 0 hourly figures; requests are kept from \d{4}-\d\d-\d\d on\n$/,
        ),
      });
      expect(await rows()).toBe(1);
      expect(await test.query('select requests from ip_tracking.request_rollup')).toEqual([
        { requests: '1' },
      ]);
    });
  });
});
