import type { JudgedClient, Judgement } from '../../judge/judgement.js';
import { printable } from '../printable.js';
import { moment, table } from '../table.js';

/** More of a reason does not fit on a line that one reads. */
const REASON_LENGTH = 90;
const DOUBTS_SHOWN = 10;

/** A judgement for people: who attacked, with what, how sure, since when each would have been refused, and what is in doubt. */
export function judgeReport(judgement: Judgement, top: number): string {
  return [
    headOf(judgement),
    ...badLinesOf(judgement),
    verdictOf(judgement),
    ...clientsOf(judgement, top),
    ...doubtsOf(judgement),
    ...endOf(judgement),
  ].join('\n\n');
}

function headOf({ log, requests, clientCount, from, to }: Judgement): string {
  const files = log.files.map(({ name }) => printable(name)).join(', ');
  const span = from === null || to === null ? '' : `, from ${moment(from)} to ${moment(to)}`;
  return `${files}: ${counted(requests, 'request')} of ${counted(clientCount, 'client')}${span}.`;
}

/** Which files could not be read to their ends, a line each. */
export function damageOf({ log }: Pick<Judgement, 'log'>): string[] {
  return log.files.flatMap(({ name, damage }) =>
    damage === null ? [] : [`${printable(name)} breaks off: ${printable(damage)}`],
  );
}

function badLinesOf({ log }: Judgement): string[] {
  const damaged = damageOf({ log });
  if (log.badLines === 0) return damaged;
  const shown = log.firstBadLines.map(
    ({ file, line, text }) => `  ${printable(file)}:${line}: ${printable(text.slice(0, 100))}`,
  );
  const { length } = shown;
  const which = length < log.badLines ? `; the first ${length}` : '';
  return [
    ...damaged,
    [`${counted(log.badLines, 'line')} could not be read${which}:`, ...shown].join('\n'),
  ];
}

function verdictOf({
  clients,
  mode,
  requests: judged,
  log,
  bansOverBudget,
  crawlersSpared,
  ...span
}: Judgement): string {
  if (judged === 0) return nothingToJudge(log.lines, span.to);
  if (clients.length === 0) return 'Nobody was found who speaks of an attack.';
  const of = (certainty: JudgedClient['certainty']): number =>
    clients.filter((client) => client.certainty === certainty).length;
  const hostile = clients.filter(({ certainty }) => certainty !== 'doubtful');
  const requests = sum(hostile, ({ requests }) => requests);
  const lines = [
    `${counted(clients.length, 'client')} found: ${of('sure')} for sure, ${of('likely')} likely, ${of('doubtful')} doubtful.`,
  ];
  if (mode === 'flag') lines.push(`Those in no doubt sent ${counted(requests, 'request')}.`);
  else {
    const refused = sum(hostile, ({ refused }) => refused);
    const all = sum(hostile, ({ refusedWithoutBudget }) => refusedWithoutBudget);
    lines.push(
      `Bans would have refused ${refused.toLocaleString('en')} of the ${counted(requests, 'request')} of those in no doubt (${percent(refused, requests)}).`,
      bansOverBudget === 0
        ? 'No ban was more than the budget of an hour allows: without it, it would have been the same.'
        : `For ${counted(bansOverBudget, 'ban')} there was no room in the budget of an hour; without it, ${all.toLocaleString('en')} (${percent(all, requests)}) would have been refused.`,
    );
  }
  if (crawlersSpared > 0) {
    lines.push(
      `${counted(crawlersSpared, 'finding')} about verified crawlers ${crawlersSpared === 1 ? 'does' : 'do'} not count.`,
    );
  }
  return lines.join('\n');
}

/** Silence would pass for a clean bill. */
function nothingToJudge(lines: number, to: Date | null): string {
  return lines === 0 || to === null
    ? 'There is no request in it, and nobody was judged.'
    : `No request is so late, and nobody was judged: the log ends at ${moment(to)}.`;
}

function clientsOf({ clients, mode }: Judgement, top: number): string[] {
  if (clients.length === 0) return [];
  const ordered = [...clients].sort(busiestFirst);
  const shown = top === 0 ? ordered : ordered.slice(0, top);
  const bans = mode === 'ban';
  const rows = shown.map((client) => [
    client.ipAddress,
    client.certainty,
    String(client.score),
    String(client.requests),
    ...(bans
      ? [String(client.refused), client.bannedFrom === null ? '-' : moment(client.bannedFrom)]
      : []),
    shortened(client.reasons.join('; ')),
  ]);
  const headings = [
    'client',
    'how sure',
    'score',
    'requests',
    ...(bans ? ['refused', 'refused since'] : []),
    'what for',
  ];
  const more = clients.length - shown.length;
  return [
    table(headings, rows),
    ...(more > 0
      ? [
          `and ${counted(more, 'more', 'more')}: --top 0 shows all, --json has them with all reasons`,
        ]
      : []),
  ];
}

const SUREST_FIRST: readonly JudgedClient['certainty'][] = ['sure', 'likely', 'doubtful'];

/** The sure before the doubtful, and of those whoever asked most: the order in which people want to know. */
function busiestFirst(one: JudgedClient, other: JudgedClient): number {
  return (
    SUREST_FIRST.indexOf(one.certainty) - SUREST_FIRST.indexOf(other.certainty) ||
    other.requests - one.requests ||
    other.score - one.score
  );
}

function doubtsOf({ clients }: Judgement): string[] {
  const doubtful = clients.filter(({ doubts }) => doubts.length > 0);
  if (doubtful.length === 0) return [];
  const lines = doubtful
    .slice(0, DOUBTS_SHOWN)
    .map(({ ipAddress, doubts }) => `  ${printable(ipAddress)}: ${printable(doubts.join('; '))}`);
  const more = doubtful.length - lines.length;
  return [['In doubt:', ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n')];
}

function endOf({ detectorsRun, detectorsNotRun, assumptions }: Judgement): string[] {
  return [
    [
      `Detectors that ran: ${detectorsRun.join(', ')}. Not without the request log:`,
      ...detectorsNotRun.map(({ name, why }) => `  ${name} ${why}`),
    ].join('\n'),
    [
      'What a log cannot know was assumed:',
      ...assumptions.map((text) => `  ${printable(text)}`),
    ].join('\n'),
  ];
}

function shortened(text: string): string {
  return text.length <= REASON_LENGTH ? text : `${text.slice(0, REASON_LENGTH - 3)}...`;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((100 * part) / whole)} %`;
}

function sum(clients: readonly JudgedClient[], of: (client: JudgedClient) => number): number {
  return clients.reduce((total, client) => total + of(client), 0);
}
