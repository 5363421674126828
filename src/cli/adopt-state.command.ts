import { Command, Option } from './nest-commander.js';
import { RequestLogService } from '../index.js';
import { OperatorCommand } from './operator-command.js';
import { table } from './table.js';

@Command({
  name: 'adopt-state',
  arguments: '[name]',
  argsDescription: {
    name: 'the folder of the other database, as the list has it; without it, the list',
  },
  description:
    'deliver to this database what was spooled for another one: the one that it was cloned, upgraded or restored from',
})
export class AdoptStateCommand extends OperatorCommand {
  constructor(private readonly log: RequestLogService) {
    super();
  }

  @Option({ flags: '--force', description: 'though the two databases have nothing in common' })
  force(): boolean {
    return true;
  }

  override async run([name]: string[], { force = false }: { force?: boolean }): Promise<void> {
    if (name === undefined) {
      await this.list();
      return;
    }
    const { processes, running, bytes } = await this.log.adoptStranded(name, { force });
    this.say(
      processes === 0
        ? `nothing was left in ${name}`
        : `adopted ${bytes} bytes of records from ${name}: a running app delivers them within seconds, else the next one that starts`,
    );
    if (running > 0) {
      this.say(`${running} running ${running === 1 ? 'process goes' : 'processes go'} on there`);
    }
  }

  private async list(): Promise<void> {
    const stranded = await this.log.listStranded();
    if (stranded.length === 0) {
      this.say('There is no state of other databases.');
      return;
    }
    this.say(
      table(
        ['name', 'related', 'bytes', 'left by', 'running'],
        stranded.map((one) => [
          one.name,
          one.isRelated ? 'yes' : 'no',
          String(one.bytes),
          String(one.processes),
          String(one.running),
        ]),
      ),
    );
  }
}
