import { RequestLogService } from '../index.js';
import { AccessLogs } from '../judge/access-log/access-logs.js';
import { readLogRecords } from '../judge/log-records.js';
import { Command, Option } from './nest-commander.js';
import { OperatorCommand } from './operator-command.js';
import { moment } from './table.js';

interface ImportLogOptions {
  shiftToNow?: boolean;
}

@Command({
  name: 'import-log',
  arguments: '<access.log...>',
  description: 'bring access logs into the request log, to try scan and reports on them',
})
export class ImportLogCommand extends OperatorCommand {
  constructor(private readonly log: RequestLogService) {
    super();
  }

  @Option({ flags: '--shift-to-now', description: 'as if the last request had come now' })
  parseShiftToNow(): boolean {
    return true;
  }

  override async run(paths: string[], { shiftToNow = false }: ImportLogOptions): Promise<void> {
    const logs = await AccessLogs.open(paths);
    try {
      const { first, last, batches } = await readLogRecords(logs);
      if (first === null || last === null) {
        this.say('no request is in it');
        return;
      }
      const shiftMs = shiftToNow ? await this.shiftOf(first.id, first.timestamp, last) : 0;
      const count = await this.log.importRecords(batches(shiftMs));
      const { badLines, files } = logs.report!;
      for (const { name, damage } of files) {
        if (damage !== null) this.remark(`${name} breaks off: ${damage}`);
      }
      const shifted = (date: Date) => moment(new Date(date.getTime() + shiftMs));
      this.say(
        `${count} requests, from ${shifted(first.timestamp)} to ${shifted(last)}, are in the request log${badLines === 0 ? '' : `; ${badLines} lines could not be read`}`,
      );
    } finally {
      await logs.close();
    }
  }

  /** A log that has been imported before stays where it was put then. */
  private async shiftOf(id: string, timestamp: Date, last: Date): Promise<number> {
    const there = await this.log.timestampOf(id);
    return there === null ? Date.now() - last.getTime() : there.getTime() - timestamp.getTime();
  }
}
