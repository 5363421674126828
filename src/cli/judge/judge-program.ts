import { AccessLogs } from '../../judge/access-log/access-logs.js';
import { judgementJson } from '../../judge/judgement.js';
import { judgeLog } from '../../judge/judge-log.js';
import { exitCodeOf, oneLine } from '../cli-errors.js';
import { endWithReader } from '../closed-pipe.js';
import { JUDGE_HELP, readJudgeArguments } from './judge-arguments.js';
import { damageOf, judgeReport } from './judge-report.js';
import { ProgressBar } from './progress-bar.js';

/** Runs `ip-tracking judge`. @returns the exit code: 0 whatever was found, 2 for wrong input, 1 for what else goes wrong. */
export async function runJudge(args: readonly string[]): Promise<number> {
  endWithReader([process.stdout, process.stderr], () => process.exit(0));
  const bar = new ProgressBar(process.stderr, ['learning', 'judging']);
  try {
    const { paths, isHelp, isJson, top, mode, since, tuning, asksDns } = readJudgeArguments(args);
    if (isHelp) {
      process.stdout.write(JUDGE_HELP);
      return 0;
    }
    const logs = await AccessLogs.open(paths, {
      onProgress: (read, total) => bar.show(read, total),
    });
    try {
      const judgement = await judgeLog(logs, {
        mode,
        tuning,
        dns: asksDns,
        ...(since === undefined ? {} : { since }),
      });
      bar.clear();
      const text = isJson
        ? JSON.stringify(judgementJson(judgement), null, 2)
        : judgeReport(judgement, top);
      // The report says it itself; whoever reads the document would take half of a log for all of it.
      if (isJson) {
        for (const remark of damageOf(judgement)) process.stderr.write(`ip-tracking: ${remark}\n`);
      }
      process.stdout.write(`${text}\n`);
      return 0;
    } finally {
      await logs.close();
    }
  } catch (error) {
    bar.clear();
    process.stderr.write(`ip-tracking: ${oneLine(error)}\n`);
    return exitCodeOf(error);
  }
}
