import { beforeAll, describe, expect, it } from 'vitest';
import { API_REPORT, makeApiReport, type ApiReport } from '../../scripts/api-report.mjs';
import { temporaryFolder } from '../support/temporary-folder.js';
import { ROOT, textOf } from './source-tree.js';

describe('the public interface', () => {
  let report: ApiReport;

  /** Fails where the declarations do not compile: then one mentions what is marked as internal, and so is not there. */
  beforeAll(async () => {
    const folder = temporaryFolder('api');
    try {
      report = makeApiReport(ROOT, folder.path);
    } finally {
      await folder.remove();
    }
  });

  it('is what the checked-in report says', () => {
    expect(
      report.text,
      `${API_REPORT} is stale: run npm run api:report, and read its diff as a host would`,
    ).toBe(textOf(API_REPORT));
  });

  it('mentions no type that hosts cannot name', () => {
    expect(
      report.forgotten,
      'export them in src/index.ts, or mark as /** @internal */ what mentions them',
    ).toEqual([]);
  });

  it('keeps to itself what only the module may call', () => {
    const methods = ['hear(', 'settle(', 'ready(', 'testNow', 'overridden'];
    expect(report.text).toContain('resetLimits(');
    expect(methods.filter((name) => report.text.includes(name))).toEqual([]);
  });
});
