import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createDemoCheckout, NodeRun } from '../support/demo-checkout.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const LOG = fileURLToPath(
  new URL('../fixtures/apache-combined-10k.log.gz', pathToFileURL(__filename)),
);

let folder: TemporaryFolder;
let script: string;

beforeAll(() => {
  folder = temporaryFolder('replay');
  createDemoCheckout({ root: folder.path });
  script = join(folder.path, 'replay.mjs');
  writeFileSync(
    script,
    `import { replayMain } from './dist/demo/replay/replay.js';
     process.exit(await replayMain(process.argv.slice(2)));`,
  );
});
afterAll(() => folder.remove());

async function replay(...args: string[]): Promise<{ exitCode: number | null; run: NodeRun }> {
  const run = new NodeRun(script, args);
  onTestFinished(() => run.kill());
  return { exitCode: await run.ended, run };
}

interface Site {
  readonly url: string;
  readonly server: Server;
  readonly requests: string[];
}

async function site(answer: (request: IncomingMessage) => number = () => 200): Promise<Site> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    requests.push(
      [headers['x-forwarded-for'], method, url, headers.referer, headers['user-agent']].join(' | '),
    );
    response.statusCode = answer(request);
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests };
}

function written(name: string, lines: string[]): string {
  const file = join(folder.path, name);
  writeFileSync(file, `${lines.join('\n')}\n`, 'latin1');
  return file;
}

const logged = (address: string, request: string, agent = 'curl/8') =>
  `${address} - - [17/May/2015:10:05:03 +0000] "${request}" 200 1 "-" "${agent}"`;

function byte(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

it('sends all 10,000 requests of a real log, each from its own address, within a minute', async () => {
  const { url, requests } = await site(({ method }) => (method === 'GET' ? 200 : 404));
  const { exitCode, run } = await replay(LOG, '--url', url);
  expect(exitCode).toBe(0);
  expect(run.stdout).toMatch(
    /^10,000 lines in \d+\.\d s, 10,000 answers .*:\n {2}200 {3}9,952\n {2}404 {6}48\n$/,
  );
  expect(run.stderr).toMatch(/^( \d0 % {2}[\d,]+ lines\n){5,9}100 % {2}10,000 lines\n$/);

  // The same by a pattern that is good for this log alone.
  const lines = gunzipSync(readFileSync(LOG)).toString('latin1').trimEnd().split('\n');
  const expected = lines.map((line) => {
    const [, address, method, path, referer, agent] =
      /^(\S+) .*?"(\S+) (\S+) HTTP\/1\.\d" \d+ \S+ "([^"]*)" "([^"]*)"?$/.exec(line)!;
    const said = (text: string) =>
      text === '-' ? undefined : text.trim().replace(/\\x(..)/g, (_, hex) => byte(hex));
    return [address, method, path, said(referer!), said(agent!)].join(' | ');
  });
  expect(requests.toSorted()).toEqual(expected.toSorted());
});

it('sends paths as they are, and says what it could not read', async () => {
  const { url, requests } = await site();
  const file = written('odd.log', [
    logged('203.0.113.7', 'GET //a/../b/./c?d=%zz#e HTTP/1.1'),
    'rubbish',
    logged('2001:db8::7', 'GET /caf\\xc3\\xa9 au lait HTTP/1.1', 'a \\"b\\" \\x01c'),
    logged('203.0.113.7', '-'),
    logged('203.0.113.8', 'POST /login'),
  ]);
  const { exitCode, run } = await replay(file, '--url', url, '--concurrency', '1');
  expect(exitCode).toBe(0);
  expect(requests).toEqual([
    '203.0.113.7 | GET | //a/../b/./c?d=%zz#e |  | curl/8',
    '2001:db8::7 | GET | /caf%C3%A9%20au%20lait |  | a "b"  c',
    '203.0.113.8 | POST | /login |  | curl/8',
  ]);
  expect(run.stdout).toContain(
    '2 lines without a request in the combined format, not sent: line 2, 4\n',
  );
});

it('finishes where a request is one that no server takes', async () => {
  const { url } = await site();
  const file = written('hostile.log', [
    logged('203.0.113.7', 'CONNECT example.org:443 HTTP/1.1'),
    logged('203.0.113.7', 'BREW /pot HTTP/1.1'),
    logged('203.0.113.7', 'GET / HTTP/1.1'),
  ]);
  const { run } = await replay(file, '--url', url);
  expect(run.stdout).toMatch(/^3 lines in/);
  expect(run.stdout).toMatch(/^ {2}200 {2}1$/m);
  expect(run.stdout).toMatch(/^ {2}400 {2}1$/m);
});

it('gives up when the demo goes', async () => {
  const { url, server, requests } = await site(() => {
    if (requests.length === 500) {
      server.close();
      server.closeAllConnections();
    }
    return 200;
  });
  const { exitCode, run } = await replay(LOG, '--url', url);
  expect(exitCode).toBe(1);
  expect(run.stderr).toMatch(
    /no longer answers \(ECONNREFUSED\): the replay ended at line \d+\.\n$/,
  );
});

it.each([
  [[], 2, 'Name one log file.'],
  [['a', 'b'], 2, 'Name one log file.'],
  [[LOG, '--concurrency', '0'], 2, '--concurrency is "0": give a whole number from 1 to 1000.'],
  [
    [LOG, '--url', 'ftp://x'],
    2,
    '--url is "ftp://x": give the demo\'s, as in http://127.0.0.1:3000.',
  ],
  [[LOG, '--fast'], 2, "Unknown option '--fast'"],
  [['none.log'], 1, 'There is no file none.log: name an access log'],
  [
    [LOG, '--url', 'http://127.0.0.1:1'],
    1,
    'No demo answers at http://127.0.0.1:1 (ECONNREFUSED): run "npm start"',
  ],
])('answers %j with exit code %i and what to do', async (args, code, sentence) => {
  const { exitCode, run } = await replay(...args);
  expect(run.stderr).toContain(sentence);
  expect(run.stderr).not.toMatch(/^ {4}at /m);
  expect(exitCode).toBe(code);
});

it('explains itself', async () => {
  const { exitCode, run } = await replay('--help');
  expect(exitCode).toBe(0);
  expect(run.stdout).toContain('npm run replay -- <file>');
});
