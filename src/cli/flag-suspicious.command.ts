import { Command } from './nest-commander.js';
import { DetectionService } from '../index.js';
import { findingsTable } from './findings-table.js';
import { OperatorCommand } from './operator-command.js';

@Command({ name: 'flag-suspicious', description: 'scan the last hour of the request log now' })
export class FlagSuspiciousCommand extends OperatorCommand {
  constructor(private readonly scan: DetectionService) {
    super();
  }

  override async run(): Promise<void> {
    const { findings, announced } = await this.scan.scan({ asAnnounced: true });
    if (announced?.at === null) {
      this.remark(
        'no app has said how its detectors are tuned: the scan was made by those that are shipped, as they are',
      );
    }
    if (announced !== undefined && announced.notRun.length > 0) {
      this.remark(
        `not run, because only the app can: ${announced.notRun.join(', ')}. The app's own scan runs them every hour`,
      );
    }
    const fresh = findings.filter(({ isNew }) => isNew);
    if (fresh.length > 0) this.say(`${findingsTable(fresh)}\n`);
    const known = findings.length - fresh.length;
    this.say(`${fresh.length} flagged, ${known} flagged before and seen again.`);
  }
}
