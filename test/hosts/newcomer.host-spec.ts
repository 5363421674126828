import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pack } from '../package/packed-host.js';
import { documentedTests } from '../repo/documented-tests.js';
import { createTestDatabase } from '../support/postgres.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { install, scaffold, succeed, write } from './installed-host.js';
import { morePackagesOf, packagesOf, plainApp, readmeApp, type AppKind } from './readme-app.js';
import { record, whatWorks, type Column } from './what-works.js';

let folder: TemporaryFolder;
let tarball: string;

beforeAll(async () => {
  folder = temporaryFolder('hosts');
  tarball = await pack(folder.path);
});
afterAll(() => folder.remove());

const KINDS: [name: string, kind: AppKind][] = [
  ['Nest 11, CommonJS, Express, jest', { nest: 11, adapter: 'express' }],
  ['Nest 12, ESM, Express, vitest', { nest: 12, adapter: 'express' }],
  ['Nest 11, CommonJS, Fastify, jest', { nest: 11, adapter: 'fastify' }],
  ['Nest 12, ESM, Fastify, vitest', { nest: 12, adapter: 'fastify' }],
];

describe.each(KINDS)('a newcomer with %s', (name, kind) => {
  it('installs it into what nest new has made, and everything works', async () => {
    const host = await scaffold(folder.path, `app-${kind.nest}-${kind.adapter}`, kind.nest);
    const said = await install(host, [tarball, ...packagesOf(kind)]);
    expect(aboutPeers(said)).toEqual([]);
    const works: Column[] = ['install'];

    // The specs that were there, one for a controller of ours, those of docs/testing.md, and the one that boots the app.
    write(host, { ...plainApp(kind), ...documentedSpecs(kind) });
    const database = await createTestDatabase({ migrated: false });
    onTestFinished(() => database.close());
    const { stdout, stderr } = await succeed(host, 'npm', ['test']);
    for (const spec of Object.keys(documentedSpecs(kind))) {
      expect({ spec, ran: `${stdout}${stderr}`.includes(spec) }).toEqual({ spec, ran: true });
    }
    await succeed(host, 'npm', ['run', 'test:e2e'], { DATABASE_URL: database.url });
    works.push('tests');

    await install(host, morePackagesOf(kind));
    write(host, readmeApp(kind));
    await succeed(host, 'npm', ['run', 'build']);
    works.push(
      ...(await whatWorks({
        folder: host,
        program: [process.execPath, 'dist/main.js'],
        database,
        has: ['WebSocket', 'GraphQL'],
      })),
    );
    record(name, works);
  });
});

/** The tests that docs/testing.md shows, among the host's own. */
function documentedSpecs({ nest }: AppKind): Record<string, string> {
  const tests = documentedTests(nest === 11 ? 'jest' : 'vitest');
  return Object.fromEntries(
    Object.entries(tests).map(([name, text]) => [`src/documented/${name}`, text]),
  );
}

/** What npm says of peers that are not there, or of another version. */
function aboutPeers(said: string): string[] {
  return said.split('\n').filter((line) => /peer|ERESOLVE/i.test(line));
}
