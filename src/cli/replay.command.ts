import { DetectionService, IpTrackingError, type ReplayedSubject } from '../index.js';
import { parseDuration } from '../options/duration.js';
import { Command, Option } from './nest-commander.js';
import { OperatorCommand } from './operator-command.js';
import { moment, table } from './table.js';

interface ReplayCommandOptions {
  detector: string;
  threshold?: number;
  since: number;
}

@Command({
  name: 'replay',
  description: 'try a threshold of a detector on the request log; nothing is stored',
})
export class ReplayCommand extends OperatorCommand {
  constructor(private readonly detection: DetectionService) {
    super();
  }

  @Option({ flags: '--detector <name>', description: 'the detector', required: true })
  parseDetector(text: string): string {
    return text;
  }

  @Option({ flags: '--threshold <count>', description: 'the count at which it would fire' })
  parseThreshold(text: string): number {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `--threshold is ${JSON.stringify(text.slice(0, 64))}: give a number, 1 or more`,
    );
  }

  @Option({ flags: '--since <duration>', description: 'how far back, such as 7d', required: true })
  parseSince(text: string): number {
    return parseDuration(text);
  }

  override async run(_: string[], { since, ...options }: ReplayCommandOptions): Promise<void> {
    const result = await this.detection.replay({
      ...options,
      since: new Date(Date.now() - since),
      asAnnounced: true,
    });
    const rows = [
      ...rowsOf(result.both, 'both'),
      ...rowsOf(result.proposedOnly, 'this alone'),
      ...rowsOf(result.inForceOnly, 'in force alone'),
    ];
    const headings = ['subject', 'by', 'first seen', 'last seen', 'signed in', 'exempt', 'reason'];
    if (rows.length > 0) this.say(`${table(headings, rows)}\n`);
    const { both, proposedOnly, inForceOnly, from, to } = result;
    this.say(
      `${both.length + proposedOnly.length} would have been flagged by ${result.detector} from ${moment(from)} to ${moment(to)}, ` +
        `${proposedOnly.length} of them by this threshold alone; ${inForceOnly.length} by the one in force alone. Nothing was stored.`,
    );
  }
}

function rowsOf(subjects: readonly ReplayedSubject[], by: string): string[][] {
  return subjects.map(({ subject, firstSeen, lastSeen, hasSignedIn, exemption, reason }) => [
    subject,
    by,
    moment(firstSeen),
    moment(lastSeen),
    hasSignedIn ? 'yes' : 'no',
    exemption ?? 'no',
    reason,
  ]);
}
