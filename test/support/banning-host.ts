import { Controller, Get, Header, Post, Req, UnauthorizedException } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import {
  IpRuleService,
  Login,
  reportAuthSuccess,
  type IpRule,
  type IpTrackingOptions,
} from '../../src/index.js';
import { databaseAt } from './ask.js';
import { eventually } from './eventually.js';
import { startHost, type Adapter, type Host, type HostOptions } from './host-app.js';
import { SetClock } from './set-clock.js';

/** What a browser sends over plain HTTP when it opens a page. */
export const BROWSER = {
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
};

@Controller()
class SiteController {
  @Get()
  home(): string {
    return 'home';
  }

  @Get('page')
  page(): string {
    return '<html></html>';
  }

  @Header('content-type', 'text/css')
  @Get('style.css')
  style(): string {
    return 'a {}';
  }

  @Login()
  @Post('login')
  login(@Req() request: { headers: Record<string, string | undefined> }): object {
    const { 'x-user': user, 'x-right': right } = request.headers;
    if (right === undefined) throw new UnauthorizedException();
    reportAuthSuccess(request, user);
    return {};
  }
}

/** A host that bans; its clients come by the trusted proxy that the test is. */
export function startBanningHost(
  adapter: Adapter,
  options: Partial<IpTrackingOptions> = {},
  more: Partial<HostOptions> = {},
): Promise<Host> {
  const { detection } = options;
  return startHost({
    adapter,
    controllers: [SiteController],
    ...more,
    options: {
      rateLimits: false,
      ...options,
      detection:
        detection === false
          ? false
          : { cron: false, response: 'ban', verifyCrawlers: false, ...detection },
    },
  });
}

/** One of a single test, which keeps nothing on disk, goes by a clock that can be set, and is closed with the test. */
export async function banningHostOfTest(
  adapter: Adapter,
  options: Partial<IpTrackingOptions> = {},
  { clock = new SetClock(), ...more }: Partial<HostOptions> & { clock?: SetClock } = {},
): Promise<Host> {
  const host = await startBanningHost(
    adapter,
    { stateDir: false, ...options },
    { module: clock.module, ...more },
  );
  onTestFinished(() => host.close());
  return host;
}

/** One of a single test, whose database may be away: it says so within half a second. */
export async function banningHostAt(
  url: string,
  adapter: Adapter,
  options: Partial<IpTrackingOptions>,
): Promise<Host> {
  const host = await startBanningHost(
    adapter,
    {
      database: { url, connectTimeoutMs: 500 },
      rules: { startTimeoutMs: 500, pollIntervalMs: 500 },
      ...options,
    },
    { database: databaseAt(url) },
  );
  onTestFinished(() => host.app.close());
  return host;
}

/** Two processes of one app, which share a database. */
export async function startBanningPair(
  adapter: Adapter,
): Promise<{ host: Host; other: Host; close: () => Promise<void> }> {
  const host = await startBanningHost(adapter, { stateDir: false });
  const other = await startBanningHost(adapter, { stateDir: false }, { database: host.database });
  const close = async (): Promise<void> => {
    await other.close();
    await host.close();
  };
  return { host, other, close };
}

/** The bans that are stored, expired ones included. */
export async function bansOf(host: Host): Promise<IpRule[]> {
  const rules = await host.app.get(IpRuleService).list({ includeExpired: true });
  return rules.filter(({ banId }) => banId !== null);
}

/** Waits until the ban or limit of an address is stored, and gives it. */
export function storedBan(host: Host, network: string): Promise<IpRule> {
  return eventually(
    async () => (await bansOf(host)).find((rule) => rule.network.startsWith(network)),
    { what: `the ban of ${network}` },
  );
}

/** What the audit has of a network, the first first: `event code`. */
export async function auditOf(host: Host, network: string): Promise<string[]> {
  const rows = await host.database.query<{ event: string; code: string | null }>(
    `select event, code from ip_tracking.ban_event where network >>= $1::inet order by id`,
    [network],
  );
  return rows.map(({ event, code }) => (code === null ? event : `${event} ${code}`));
}
