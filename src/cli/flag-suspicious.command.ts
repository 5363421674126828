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
    const { findings } = await this.scan.scan();
    const fresh = findings.filter(({ isNew }) => isNew);
    if (fresh.length > 0) this.say(`${findingsTable(fresh)}\n`);
    const known = findings.length - fresh.length;
    this.say(`${fresh.length} flagged, ${known} flagged before and seen again.`);
  }
}
