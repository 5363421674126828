import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Controller, Get, Param } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDemoApp } from '../../demo/host/app.js';
import { freePort } from '../../demo/postgres/free-port.js';
import { ClientIp, type ClientIpOptions } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const VICTIM = '6.6.6.6';
/** Where the app is for nginx, and nginx for the app. */
const LOCAL = '127.0.0.1';
const NGINX = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(
  (path) => spawnSync(path, ['-v']).error === undefined,
);

/** Addresses of this machine from which clients come: nginx sees them as they are. */
const CLIENTS = ['127.0.0.2', '127.0.0.3', ...ownAddresses()];
const whyNot = await (async () => {
  if (NGINX === undefined) return 'nginx is not on PATH; apt-get install nginx';
  if (!(await isOurs('127.0.0.2'))) return '127.0.0.2 is no address of this machine';
  return null;
})();

/** One of each family that is neither loopback nor link-local, where there is one. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const isUsable = all.some(({ address }) => address === '::1');
  return (['IPv4', 'IPv6'] as const).flatMap((wanted) =>
    all
      .filter(({ family, internal }) => family === wanted && !internal)
      .filter(({ address }) => wanted === 'IPv4' || (isUsable && !address.startsWith('fe80')))
      .map(({ address }) => address)
      .slice(0, 1),
  );
}

async function isOurs(address: string): Promise<boolean> {
  const server = createServer().listen(0, address);
  const isBound = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  server.close();
  return isBound;
}

/** The configuration that the documentation gives, with nothing but ports in place of its ports and its name. */
function documentedServer(upstreamPort: number, port: number, without?: string): string {
  const page = readFileSync(new URL('../../docs/client-ip.md', pathToFileURL(__filename)), 'utf8');
  const [, snippet = ''] = /^## nginx\n[\s\S]*?^```nginx\n([\s\S]*?)^```/m.exec(page) ?? [];
  const v6 = CLIENTS.some((address) => address.includes(':')) ? `listen [::1]:${port};` : '';
  const edits: [documented: string, here: string][] = [
    ['server 127.0.0.1:3000;', `server ${LOCAL}:${upstreamPort};`],
    ['listen 443 ssl;', `listen ${LOCAL}:${port}; ${v6}`],
    ['server_name app.example;', 'server_name _;'],
    ...(without === undefined ? [] : ([[without, '']] as [string, string][])),
  ];
  return edits.reduce((text, [documented, here]) => {
    expect(text.split(documented), `docs/client-ip.md has "${documented}" once`).toHaveLength(2);
    return text.replace(documented, here);
  }, snippet);
}

interface Nginx {
  readonly port: number;
  stop(): Promise<void>;
}

/** Ends with this process, however that ends: the shell waits for its pipe to close. */
const KEEPER = `"$@" & read -r _; kill "$!"; wait`;

/** nginx in a folder of its own, for any user; all that it writes is in there. */
async function startNginx(upstreamPort: number, without?: string): Promise<Nginx> {
  const folder = temporaryFolder('nginx');
  const port = await freePort();
  const inFolder = (name: string) => join(folder.path, name);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${inFolder(kind)};`,
  );
  writeFileSync(
    inFolder('nginx.conf'),
    `daemon off;
    master_process off;
    pid ${inFolder('nginx.pid')};
    error_log ${inFolder('error.log')} warn;
    events {}
    http {
      access_log off;
      ${temporary.join('\n')}
      ${documentedServer(upstreamPort, port, without)}
    }`,
  );
  const command = [NGINX!, '-p', folder.path, '-c', inFolder('nginx.conf')];
  const child = spawn('/bin/sh', ['-c', KEEPER, 'keeper', ...command], {
    cwd: folder.path,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(child, 'close');
  const stop = async () => {
    child.stdin.end();
    await ended;
    await folder.remove();
  };
  try {
    // It is written once the ports are open.
    await eventually(() => existsSync(inFolder('nginx.pid')), { what: 'nginx' });
  } catch (cause) {
    const errors = inFolder('error.log');
    const said = existsSync(errors) ? readFileSync(errors, 'utf8') : 'it wrote nothing';
    await stop();
    throw new Error(`nginx did not come up: ${said}`, { cause });
  }
  return { port, stop };
}

/** What a client sends besides the request; of an array each entry is a line. */
type Forged = Record<string, string | string[]>;

const forgeries: [what: string, headers: Forged][] = [
  ['nothing', {}],
  ['X-Forwarded-For', { 'X-Forwarded-For': VICTIM }],
  ['X-Real-IP', { 'X-Real-IP': VICTIM }],
  ['both, agreeing', { 'X-Forwarded-For': VICTIM, 'X-Real-IP': VICTIM }],
  [
    'several lines',
    { 'X-Forwarded-For': [VICTIM, `${VICTIM}, ${LOCAL}`], 'X-Real-IP': [VICTIM, VICTIM] },
  ],
  ['the proxy itself', { 'X-Forwarded-For': `${VICTIM}, ${LOCAL}`, 'X-Real-IP': LOCAL }],
  ['a mapped proxy', { 'X-Forwarded-For': `${VICTIM}, ::ffff:127.0.0.1, ::ffff:7f00:1` }],
  ['other cases', { 'x-FORWARDED-for': VICTIM, 'X-REAL-ip': VICTIM }],
  ['underscores', { X_Forwarded_For: VICTIM, X_Real_IP: VICTIM }],
  ['empty headers', { 'X-Forwarded-For': '', 'X-Real-IP': '' }],
  ['commas', { 'X-Forwarded-For': `${VICTIM},,`, 'X-Real-IP': `${VICTIM},` }],
  ['an open quote', { 'X-Forwarded-For': `"${VICTIM}`, 'X-Real-IP': `"${VICTIM}` }],
  [
    'tabs and no-break spaces',
    { 'X-Forwarded-For': `\t${VICTIM}\u00a0`, 'X-Real-IP': `${VICTIM}\u00a0` },
  ],
  ['garbage', { 'X-Forwarded-For': 'unknown, _hidden', 'X-Real-IP': 'unix:' }],
  ['7 KB', { 'X-Forwarded-For': `${VICTIM}, `.repeat(780) + VICTIM }],
  [
    'other headers',
    { Forwarded: `for=${VICTIM}`, 'CF-Connecting-IP': VICTIM, 'X-Client-IP': VICTIM },
  ],
  [
    'hop-by-hop names',
    { Connection: 'close, X-Real-IP, X-Forwarded-For', 'X-Forwarded-For': VICTIM },
  ],
];

/** The client IP as the app says it; `from` is the address that the client comes from. */
function whoami(port: number, from: string, path: string, headers: Forged = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = from.includes(':') ? '::1' : LOCAL;
    request({ host, port, path, headers, localAddress: from, agent: false }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    })
      .once('error', reject)
      .end();
  });
}

@Controller()
class Whoami {
  @Get('whoami/:request')
  whoami(@ClientIp() ip: string | null, @Param('request') _request: string) {
    return ip ?? 'nobody';
  }
}

/** A host app with its log, and as many documented nginx in front of it as wanted. */
class Front {
  private readonly nginx: Nginx[] = [];
  private host: Host | undefined;
  private requests = 0;

  constructor(
    private readonly adapter: Adapter,
    private readonly clientIp: ClientIpOptions,
    private readonly options: { proxies?: number; without?: string },
  ) {}

  async start(): Promise<void> {
    const { adapter, clientIp } = this;
    this.host = await startHost({ adapter, controllers: [Whoami], options: { clientIp } });
    let upstream = Number(new URL(this.host.url).port);
    for (let i = 0; i < (this.options.proxies ?? 1); i++) {
      const nginx = await startNginx(upstream, this.options.without);
      this.nginx.push(nginx);
      upstream = nginx.port;
    }
  }

  /** What the app says of a request, and the row that it left. */
  async ask(client: string, headers: Forged) {
    const path = `/whoami/${++this.requests}`;
    const said = await whoami(this.nginx.at(-1)!.port, client, path, headers);
    const rows = await this.host!.rows(this.requests);
    const row = rows.find((candidate) => candidate.path === path);
    return { said, ip: row?.ip_address, source: row?.ip_source };
  }

  async stop(): Promise<void> {
    await Promise.all(this.nginx.map((nginx) => nginx.stop()));
    await this.host?.close();
  }
}

describe.skipIf(whyNot !== null).each(ADAPTERS)(
  `nginx in front of %s${whyNot === null ? '' : ` (${whyNot})`}`,
  (adapter) => {
    const setups: [what: string, clientIp: ClientIpOptions, source: string, proxies: number][] = [
      ['preset nginx', { strategy: 'preset', preset: 'nginx' }, 'x-forwarded-for', 1],
      ['trusted-proxies', { strategy: 'trusted-proxies', proxies: [LOCAL] }, 'x-forwarded-for', 1],
      ['hops 1', { strategy: 'hops', hops: 1 }, 'x-forwarded-for', 1],
      [
        'header X-Real-IP',
        { strategy: 'header', header: 'X-Real-IP', proxies: [LOCAL] },
        'x-real-ip',
        1,
      ],
      [
        'trusted-proxies behind two',
        { strategy: 'trusted-proxies', proxies: [LOCAL] },
        'x-forwarded-for',
        2,
      ],
      ['hops 2 behind two', { strategy: 'hops', hops: 2 }, 'x-forwarded-for', 2],
    ];

    describe.each(setups)('%s', (_what, clientIp, source, proxies) => {
      const front = new Front(adapter, clientIp, { proxies });
      beforeAll(() => front.start());
      afterAll(() => front.stop());

      it.each(CLIENTS)('names the client %s, whatever it forges', async (client) => {
        const expected = forgeries.map(([what]) => ({ what, said: client, ip: client, source }));
        const seen = [];
        for (const [what, headers] of forgeries) {
          seen.push({ what, ...(await front.ask(client, headers)) });
        }
        expect(seen).toEqual(expected);
      });
    });

    describe.each<[what: string, clientIp: ClientIpOptions, proxies: number, said: string]>([
      // Too large a count: whoever sends a header chooses their address.
      ['hops 2 behind one', { strategy: 'hops', hops: 2 }, 1, VICTIM],
      // Too small a one, and a list that is too short: all clients have a proxy's address.
      ['hops 1 behind two', { strategy: 'hops', hops: 1 }, 2, LOCAL],
      ['preset nginx behind two', { strategy: 'preset', preset: 'nginx' }, 2, LOCAL],
      ['socket', { strategy: 'socket' }, 1, LOCAL],
    ])('%s, which is the wrong one,', (_what, clientIp, proxies, said) => {
      const front = new Front(adapter, clientIp, { proxies });
      beforeAll(() => front.start());
      afterAll(() => front.stop());

      it(`says ${said} for every client`, async () => {
        for (const client of CLIENTS) {
          expect(await front.ask(client, { 'X-Forwarded-For': VICTIM })).toMatchObject({ said });
        }
      });
    });

    describe.each([
      ['X-Real-IP', 'X-Forwarded-For', 'proxy_set_header X-Real-IP $remote_addr;'],
      [
        'X-Forwarded-For',
        'X-Real-IP',
        'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      ],
    ])('preset nginx, where nginx does not set %s,', (missing, left, line) => {
      const front = new Front(adapter, { strategy: 'preset', preset: 'nginx' }, { without: line });
      beforeAll(() => front.start());
      afterAll(() => front.stop());

      it(`believes a client's own ${missing} in nothing, and takes ${left}`, async () => {
        const [client] = CLIENTS as [string];
        expect(await front.ask(client, {})).toMatchObject({ said: client });
        expect(await front.ask(client, { [missing]: VICTIM })).toEqual({
          said: LOCAL,
          ip: LOCAL,
          source: 'socket',
        });
      });
    });
  },
);

describe.each(ADAPTERS)(
  `the demo behind nginx on %s${whyNot === null ? '' : ` (${whyNot})`}`,
  (adapter) => {
    it.skipIf(whyNot !== null)('knows its clients, whatever they say of themselves', async () => {
      const database = await createTestDatabase({ migrated: false });
      const demo = await createDemoApp({ databaseUrl: database.url, adapter });
      await demo.listen(0, LOCAL);
      const { port } = demo.getHttpServer().address() as AddressInfo;
      const nginx = await startNginx(port);
      const seen: string[] = [];
      for (const [, headers] of forgeries) {
        const text = await whoami(nginx.port, '127.0.0.2', '/whoami', headers);
        seen.push((JSON.parse(text) as { ipAddress: string }).ipAddress);
      }
      await nginx.stop();
      await demo.close();
      await database.close();
      expect(seen).toEqual(forgeries.map(() => '127.0.0.2'));
    });
  },
);
