import { Command } from './nest-commander.js';
import { PrivacyService } from '../index.js';
import { OperatorCommand } from './operator-command.js';

@Command({
  name: 'export-ip',
  arguments: '<address>',
  argsDescription: { address: 'one address; hashes of it are found with IP_TRACKING_PRIVACY_KEY' },
  description: 'print what is stored of an address, one JSON object a line',
})
export class ExportIpCommand extends OperatorCommand {
  constructor(private readonly privacy: PrivacyService) {
    super();
  }

  override async run([address = '']: string[]): Promise<void> {
    for await (const { kind, row } of this.privacy.exportAddress(address)) {
      this.say(asciiJson({ kind, ...row }));
    }
  }
}

/** JSON whose strings, which clients have written, do nothing to a terminal and still mean what they are. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
