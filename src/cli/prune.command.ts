import { Command, Option } from './nest-commander.js';
import { IpTrackingError, RequestLogService } from '../index.js';
import { OperatorCommand } from './operator-command.js';

interface PruneOptions {
  days: number;
  rollupDays?: number;
}

@Command({
  name: 'prune',
  description: 'count the hours that are over, and drop the days of the request log that are old',
})
export class PruneCommand extends OperatorCommand {
  constructor(private readonly log: RequestLogService) {
    super();
  }

  /** Required: the command does not know what the app is configured to keep, and a default could drop too much. */
  @Option({
    flags: '--days <number>',
    description: 'how many days of requests to keep',
    required: true,
  })
  parseDays(text: string): number {
    return daysOf('--days', text);
  }

  @Option({
    flags: '--rollup-days <number>',
    description: 'how many days of hourly figures to keep (default: all)',
  })
  parseRollupDays(text: string): number {
    return daysOf('--rollup-days', text);
  }

  override async run(_: string[], { days, rollupDays = 0 }: PruneOptions): Promise<void> {
    const { keptFrom, dropped, busy, late, deletedRows, deletedFigures, isLeftToAnother } =
      await this.log.prune({ retentionDays: days, rollupRetentionDays: rollupDays });
    const keeping =
      keptFrom === null ? '' : `; requests are kept from ${keptFrom.toISOString().slice(0, 10)} on`;
    this.say(
      `dropped ${dropped.length} days, deleted ${deletedRows} stray rows and ${deletedFigures} hourly figures${keeping}`,
    );
    if (isLeftToAnother) this.say('another process is at the same, and goes on with the rest');
    if (late.length > 0) {
      this.say(
        `${late.length} days stay, since rows of them were written since: by a wrong clock?`,
      );
    }
    if (busy.length > 0) this.say(`${busy.length} days are in use: try again later`);
  }
}

function daysOf(option: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    `${option} is ${JSON.stringify(text.slice(0, 64))}: give a number of days, 1 or more`,
  );
}
