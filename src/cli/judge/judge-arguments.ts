import { parseArgs } from 'node:util';
import { IpTrackingError } from '../../ip-tracking.errors.js';
import type { JudgeMode } from '../../judge/judgement.js';
import { didYouMean } from '../../options/did-you-mean.js';
import { parseDuration } from '../../options/duration.js';
import { judgeDetectors } from '../../judge/judge-detectors.js';
import type { JudgeOptions } from '../../judge/judge-log.js';

/** What the judge was asked to do. */
export interface JudgeArguments {
  readonly paths: readonly string[];
  readonly isJson: boolean;
  readonly isHelp: boolean;
  readonly mode: JudgeMode;
  /** How many clients the report shows; 0 for all. */
  readonly top: number;
  readonly since: { readonly atMs: number } | { readonly beforeEndMs: number } | undefined;
  readonly tuning: Tuning;
  readonly asksDns: boolean;
}

type Tuning = NonNullable<JudgeOptions['tuning']>;

const TOP = 20;

const OPTIONS = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  mode: { type: 'string' },
  top: { type: 'string' },
  since: { type: 'string' },
  threshold: { type: 'string', multiple: true },
  off: { type: 'string', multiple: true },
  dns: { type: 'boolean' },
} as const;

export const JUDGE_HELP = `Usage: ip-tracking judge [options] <access.log...>

judge access logs by the detectors of the watch: no database, no app, no set-up

Reads the formats combined and common, and JSON lines of nginx and Caddy; plain or
gzipped; "-" is standard input. Several files are read as one, by their first requests.

Options:
  --mode <mode>                 ban: what bans would have refused; flag: findings alone (default: ban)
  --since <when>                judge what came since a date, or within a duration before the log's
                                end, such as 2026-11-01 or 7d; all of it is learnt from
  --threshold <detector=count>  the count at which a detector fires, such as not-found=20; repeatable
  --off <detector>              run without a detector; repeatable
  --dns                         ask DNS who those are that claim to be crawlers
  --top <number>                how many clients are shown; 0 for all (default: ${TOP})
  --json                        print one JSON document with all of them
  -h, --help                    display help for command
`;

/**
 * Reads the arguments of the judge.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION`, `IPT_INVALID_OPTION` or `IPT_INVALID_DURATION`, saying what to write.
 */
export function readJudgeArguments(args: readonly string[]): JudgeArguments {
  const { values, positionals } = parsed(args);
  const isHelp = values.help === true;
  if (positionals.length === 0 && !isHelp) {
    throw invalid('no access log is named: give one or more, or "-" for standard input');
  }
  return {
    paths: positionals,
    isJson: values.json === true,
    isHelp,
    mode: modeOf(values.mode),
    top: topOf(values.top),
    since: sinceOf(values.since),
    tuning: tuningOf(values.threshold ?? [], values.off ?? []),
    asksDns: values.dns === true,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [sentence = message] = message.split(/\. |\n/, 1);
    const option = /'(?:-\w, )?(--[a-z]+)/.exec(sentence)?.[1];
    if (/argument (?:missing|is ambiguous)/.test(sentence)) {
      throw invalid(`${option} is given no value: write ${option}=<value>`);
    }
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw invalid(sentence);
    const given = /'(-[^' ]*)/.exec(message)?.[1] ?? 'this';
    const near = didYouMean(given.replace(/^-+/, ''), Object.keys(OPTIONS));
    const hint = near === undefined ? 'see ip-tracking judge --help' : `did you mean --${near}?`;
    throw new IpTrackingError('IPT_UNKNOWN_OPTION', `${given} is no option: ${hint}`);
  }
}

function modeOf(text: string | undefined): JudgeMode {
  if (text === undefined || text === 'ban' || text === 'flag') return text ?? 'ban';
  throw invalid(`--mode is ${quoted(text)}: give flag or ban`);
}

function topOf(text: string | undefined): number {
  if (text === undefined) return TOP;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw invalid(`--top is ${quoted(text)}: give a number, 0 for all`);
}

function sinceOf(text: string | undefined): JudgeArguments['since'] {
  if (text === undefined) return undefined;
  const isDate = /^\d{4}-/.test(text);
  const atMs = isDate ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return { atMs };
  const beforeEndMs = isDate ? null : durationOf(text);
  if (beforeEndMs !== null) return { beforeEndMs };
  throw invalid(
    `--since is ${quoted(text)}: give a date such as 2026-11-01, a moment such as 2026-11-01T12:00:00Z, or a duration such as 7d`,
  );
}

function durationOf(text: string): number | null {
  try {
    return parseDuration(text);
  } catch {
    return null;
  }
}

function tuningOf(thresholds: readonly string[], off: readonly string[]): Tuning {
  const { detectors, notRun } = judgeDetectors({}, false);
  const names = detectors.map(({ name }) => name);
  const known = [...names, ...notRun.map(({ name }) => name)];
  const check = (option: string, name: string): void => {
    if (known.includes(name)) return;
    const near = didYouMean(name, known);
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`;
    throw invalid(`${option} names ${quoted(name)}, which is no detector: ${hint}`);
  };
  const tuning: { -readonly [Name in keyof Tuning]: Tuning[Name] } = {};
  for (const text of thresholds) {
    const [, name, count] = /^([a-z][a-z0-9-]*)=(\d{1,5})$/.exec(text) ?? [];
    const atLeast = Number(count);
    if (name === undefined || !(atLeast >= 1 && atLeast <= 10_000)) {
      throw invalid(
        `--threshold is ${quoted(text)}: give a detector and a count from 1 to 10000, such as not-found=20`,
      );
    }
    check('--threshold', name);
    if (!names.includes(name)) {
      const { why } = notRun.find((one) => one.name === name)!;
      throw invalid(`--threshold names ${name}, which judges no access log: it ${why}`);
    }
    tuning[name] = { ...tuning[name], atLeast };
  }
  for (const name of off) {
    check('--off', name);
    tuning[name] = { ...tuning[name], response: 'off' };
  }
  return tuning;
}

function invalid(message: string): IpTrackingError {
  return new IpTrackingError('IPT_INVALID_OPTION', message);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
