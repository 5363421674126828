import { Controller, Get } from '@nestjs/common';
import { expect, it } from 'vitest';
import type { GeoPlace } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';

@Controller()
class Routes {
  @Get()
  answer(): string {
    return 'ok';
  }
}

it.each(ADAPTERS)(
  'an app that closes on %s waits for the places of its last records',
  async (adapter) => {
    const database = await createTestDatabase();
    const asked: ((place: GeoPlace) => void)[] = [];
    const provider = {
      name: 'late',
      lookup: () => new Promise<GeoPlace>((resolve) => asked.push(resolve)),
    };
    const host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: { geo: { provider, lookupTimeoutMs: 20_000 } },
    });
    expect((await host.send({ path: '/', from: '203.0.114.7' })).status).toBe(200);
    await eventually(() => asked.length === 1, { what: 'the question for its place' });
    const closing = host.close();
    // Its answer comes when there is nothing left to do but to wait for it.
    await new Promise((resolve) => setTimeout(resolve, 200));
    asked[0]!({ country: 'SE', city: 'Kiruna' });
    await closing;
    expect(await database.query('select country, city from ip_tracking.request_log')).toEqual([
      { country: 'SE', city: 'Kiruna' },
    ]);
    await database.close();
  },
);
