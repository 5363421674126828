import { Controller, Get, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Login,
  namesOf,
  reportAuthFailure,
  reportAuthSuccess,
  SkipRequestLog,
} from '../../src/index.js';
import { ADAPTERS, startHost, type Host, type LogRow } from '../support/host-app.js';

@Controller()
class ShopController {
  @Get('orders/:id')
  order(): object {
    return { ok: true };
  }

  /** A page of their own that attackers look for elsewhere. */
  @Get('phpmyadmin')
  own(): object {
    return { mine: true };
  }

  @Get('.env')
  leak(): object {
    return { SECRET: 1 };
  }

  @Get('pages/:slug')
  page(): object {
    return {};
  }

  @SkipRequestLog()
  @Get('quiet/:any')
  quiet(): object {
    return {};
  }

  @HttpCode(200)
  @Post('sign-in-form')
  form(@Req() request: unknown): object {
    reportAuthFailure(request, 'ada@shop.example');
    return { error: 'wrong password' };
  }

  @HttpCode(200)
  @Post('sign-in-right')
  right(@Req() request: unknown): object {
    reportAuthSuccess(request, 'ada@shop.example');
    return { ok: true };
  }

  @Login()
  @Post('enter')
  enter(): never {
    throw new UnauthorizedException();
  }
}

type SignalRow = LogRow & { signals: string | null; attempted_user: string | null };

describe.each(ADAPTERS)('the signals of requests on %s', (adapter) => {
  let host: Host;
  const said: string[] = [];

  beforeAll(async () => {
    host = await startHost({
      adapter,
      logger: ['warn'],
      configure: (app) =>
        app.useLogger({
          log: (message: string) => said.push(message),
          warn: (message: string) => said.push(message),
          error: () => undefined,
        }),
      controllers: [ShopController],
      options: {
        requestLog: { sampleServed: 0, skipPaths: ['/skipped'] },
        detection: { cron: false },
      },
    });
  });
  afterAll(() => host.close());
  beforeEach(() => host.database.query('truncate ip_tracking.request_log'));

  let sent = 0;
  const rowOf = async (
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<SignalRow> => {
    await host.send({ path, method, headers });
    sent += 1;
    const [row] = (await host.rows(sent)) as SignalRow[];
    return row!;
  };
  const signalsOf = (row: SignalRow): string[] => namesOf(Number(row.signals)).toSorted();

  it('says that a path was probed for, also where only a catch-all could answer, and keeps its row', async () => {
    expect(signalsOf(await rowOf('/wp-login.php'))).toEqual([
      'probe:scripts',
      'probe:wordpress',
      'unmatched',
    ]);
  });

  it('keeps the row of evidence whatever skipPaths says', async () => {
    expect(signalsOf(await rowOf('/skipped/.git/config'))).toEqual(['probe:secrets', 'unmatched']);
  });

  it('finds what a query holds, and does not store the query', async () => {
    const row = await rowOf('/orders/7?file=..%252f..%252fetc/passwd');
    expect(signalsOf(row)).toEqual(['payload:traversal']);
    expect(row.path).toBe('/orders/7');
  });

  it('excuses no secret that the app answers, and says that it was answered', async () => {
    expect(signalsOf(await rowOf('/.env'))).toEqual(
      expect.arrayContaining(['answered', 'probe:secrets', 'secret-served']),
    );
  });

  it('keeps whom a failed login was for as a hash, the same when they succeed', async () => {
    const failure = await rowOf('/sign-in-form', {}, 'POST');
    expect(signalsOf(failure)).toEqual(['auth-failure']);
    expect(failure.attempted_user).toMatch(/^[\w-]{22}$/);
    const [row] = await host.database.query<{ count: string }>(
      `select count(*) from ip_tracking.request_log where request_log::text like '%ada%'`,
    );
    expect(row?.count).toBe('0');
  });

  it('takes a 401 of a route that is @Login() for a failed login', async () => {
    expect(signalsOf(await rowOf('/enter', {}, 'POST'))).toEqual(['auth-failure', 'login']);
  });

  it('knows what a page asks for, and a link of its own', async () => {
    const row = await rowOf('/missing.png', {
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)',
      referer: `${host.url}/`,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'image',
    });
    expect(signalsOf(row)).toEqual(['own-referer', 'page-fetch', 'unmatched']);
  });

  it('says at boot which listed entries the routes of the app name', () => {
    expect(said.filter((line) => line.startsWith('routes of this app'))).toEqual([
      expect.stringMatching(/are no probes here: .*phpmyadmin \(\/phpmyadmin\)/),
      expect.stringMatching(/whoever asks for one is flagged: \/\.env$/),
    ]);
  });

  it('writes no row for what is @SkipRequestLog(), nor of what a route of the app names', async () => {
    await host.send('/quiet/.env');
    await host.send('/phpmyadmin');
    await host.send('/orders/1');
    await rowOf('/nothing-here');
    const rows = await host.database.query<{ path: string }>(
      'select path from ip_tracking.request_log',
    );
    expect(rows.map(({ path }) => path)).toEqual(['/nothing-here']);
  });
});
