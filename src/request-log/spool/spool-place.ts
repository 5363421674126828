import { join } from 'node:path';
import { identityText } from '../../state/identity.js';
import { IDENTITY, labelProcess } from '../../state/state-files.js';
import type { State } from '../../state/state.js';
import { unlessMissing, type SpoolFiles } from './spool-files.js';

/** Where a process finds a place for its own folder, and those of other processes. */
export interface SpoolPlace {
  /** The folder that this process' own is made in; the same for its whole life. */
  root(): Promise<string>;
  /** Other processes' folders, and this one's; null while it is not known whose records may go where ours go. */
  processes(): Promise<SpoolProcesses | null>;
  /** Where records go at this moment, as {@link SpoolProcesses.whose} names it; null while that is not known. */
  readonly whoseNow: string | null;
}

/** The processes whose records go to one place. */
export interface SpoolProcesses {
  readonly paths: readonly string[];
  /** Names where their records go: another text is another place. */
  readonly whose: string;
  /** Notes in a process' folder where its records go, if the folder that it is in does not say so. */
  label(path: string): Promise<void>;
}

/** The note of {@link SpoolProcesses.label}, in a process' folder. */
export const SPOOL_LABEL = IDENTITY;

/** Records for the database: they go to the one that they were taken for, wherever it is by now, and to no other. */
export class DatabaseSpoolPlace implements SpoolPlace {
  constructor(private readonly state: State) {}

  get whoseNow(): string | null {
    const { verified } = this.state;
    return verified === null ? null : identityText(verified);
  }

  root(): Promise<string> {
    return this.state.spool();
  }

  async processes(): Promise<SpoolProcesses | null> {
    const found = await this.state.processes();
    if (found === null) return null;
    return {
      paths: found.paths,
      whose: identityText(found.whose),
      label: (path) => labelProcess(path, found.whose),
    };
  }
}

const SINK = 'the sink';

/** Records for a sink of the host's: whoever has the same connection options has the same sink. */
export class SinkSpoolPlace implements SpoolPlace {
  readonly whoseNow = SINK;

  constructor(
    readonly root: () => Promise<string>,
    private readonly files: Pick<SpoolFiles, 'readdir'>,
  ) {}

  async processes(): Promise<SpoolProcesses> {
    const root = await this.root();
    // Nobody may have made a folder yet.
    const entries = await this.files.readdir(root, { withFileTypes: true }).catch(unlessMissing);
    return {
      paths: (entries ?? [])
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => join(root, name)),
      whose: SINK,
      label: () => Promise.resolve(),
    };
  }
}
