import { Command } from './nest-commander.js';
import { DetectionService } from '../index.js';
import { findingsTable } from './findings-table.js';
import { OperatorCommand } from './operator-command.js';

@Command({ name: 'suspicious', description: 'list the flagged addresses, the latest first' })
export class SuspiciousCommand extends OperatorCommand {
  constructor(private readonly scan: DetectionService) {
    super();
  }

  override async run(): Promise<void> {
    const findings = await this.scan.findings();
    this.say(findings.length === 0 ? 'Nobody is flagged.' : findingsTable(findings));
  }
}
