import { type DynamicModule } from '@nestjs/common';
import { IpTrackingModule, type IpTrackingOptions } from '../../src/index.js';
import { WALL_CLOCK } from '../../src/provide.js';

/** A wall clock that a test sets: the machine's, and by how much it is wrong, in milliseconds. */
export class SetClock {
  wrongByMs = 0;

  /** The time of the epoch, in milliseconds. */
  readonly now = (): number => Date.now() + this.wrongByMs;

  /** The module of an app that goes by it. The database goes by its own. */
  readonly module = (options: IpTrackingOptions): DynamicModule => {
    const given = IpTrackingModule.forRoot(options);
    return {
      ...given,
      providers: [...(given.providers ?? []), { provide: WALL_CLOCK, useValue: this.now }],
    };
  };
}
