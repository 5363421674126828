import { Command } from './nest-commander.js';
import { migrateDatabase } from '../index.js';
import { databaseUrl } from './database-url.js';
import { OperatorCommand } from './operator-command.js';

@Command({
  name: 'migrate',
  description: 'bring the schema ip_tracking of the database up to date',
})
export class MigrateCommand extends OperatorCommand {
  override async run(): Promise<void> {
    const applied = await migrateDatabase({
      url: databaseUrl(),
      directUrl: process.env['IP_TRACKING_DIRECT_URL'] || undefined,
    });
    this.say(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
  }
}
