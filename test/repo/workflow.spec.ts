import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { filesBelow, textOf } from './source-tree.js';

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix: Record<string, unknown> };
  readonly steps: readonly { readonly run?: string }[];
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
      ...steps.flatMap(({ run }) => (run === undefined ? [] : [run])),
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
});
