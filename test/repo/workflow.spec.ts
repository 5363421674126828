import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { filesBelow, textOf } from './source-tree.js';

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix: Record<string, unknown> };
  readonly permissions?: Record<string, string>;
  readonly steps: readonly {
    readonly run?: string;
    readonly uses?: string;
    readonly with?: Record<string, string>;
    readonly env?: Record<string, unknown>;
  }[];
}
interface Workflow {
  readonly permissions?: Record<string, string>;
  readonly jobs: Record<string, Job>;
}

const read = (path: string) => parse(textOf(path)) as Workflow;
const manifest = JSON.parse(textOf('package.json')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};
const WORKFLOWS = filesBelow('.github/workflows', ['.yml']);

describe('the workflows', () => {
  it.each(WORKFLOWS)('%s may do little, and ends', (path) => {
    const { permissions, jobs } = read(path);
    expect(permissions).toMatchObject({ contents: 'read' });
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeLessThanOrEqual(40);
  });

  it.each(WORKFLOWS)('%s runs scripts that there are', (path) => {
    const runs = Object.values(read(path).jobs).flatMap(({ steps, strategy }) => [
      ...steps.flatMap(({ run, with: given }) =>
        [run, given?.['version'], given?.['publish']].filter((line) => line !== undefined),
      ),
      ...((strategy?.matrix['run'] as string[] | undefined) ?? []).map((name) => `npm run ${name}`),
    ]);
    const named = runs.flatMap((run) =>
      [...run.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!),
    );
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  it('test every release of node and PostgreSQL that the package is for, and both of Nest', () => {
    const { suite, nest } = read('.github/workflows/test.yml').jobs;
    const { node, postgres, include } = suite!.strategy!.matrix as {
      node: number[];
      postgres: number[];
      include: { postgres: number }[];
    };
    const majors = [...manifest.engines.node.matchAll(/(\d+)\.\d+\.\d+/g)].map(([, major]) =>
      Number(major),
    );
    expect(node).toEqual(majors);
    const releases = [...postgres, ...include.map((each) => each.postgres)];
    expect(releases.toSorted((a, b) => a - b)).toEqual([14, 15, 16, 17, 18]);
    expect(nest!.strategy!.matrix['run']).toEqual(['test:nest11', 'test:hosts']);
  });

  it('look once a month whether the ranges of providers are still theirs, and change nothing', () => {
    const { ranges } = read('.github/workflows/test.yml').jobs;
    const { run } = ranges!.steps.at(-1)!;
    expect(run).toBe('node scripts/refresh-provider-ranges.mjs --check');
    expect(textOf('.github/workflows/test.yml')).toMatch(/cron: '\d+ \d+ 1 \* \*'/);
  });

  it('publish what changesets make a release of, with the provenance that npm shows', () => {
    const { release } = read('.github/workflows/release.yml').jobs;
    expect(release!.permissions).toMatchObject({ 'id-token': 'write' });
    const step = release!.steps.find(({ uses }) => uses?.startsWith('changesets/action@'))!;
    expect(step.env).toMatchObject({ NPM_CONFIG_PROVENANCE: true });
    expect(manifest.scripts['release:version']).toMatch(/^changeset version\b/);
    expect(manifest.scripts['release:publish']).toMatch(/^bash .ci.run && changeset publish$/);
    const config = JSON.parse(textOf('.changeset/config.json')) as Record<string, unknown>;
    expect(config).toMatchObject({ access: 'public', baseBranch: 'main' });
  });
});
