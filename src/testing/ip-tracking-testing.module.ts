import { Module, type DynamicModule } from '@nestjs/common';
import { IpTrackingModule } from '../ip-tracking.module.js';
import { NOWHERE } from '../database/empty-database.js';
import { IpTrackingTesting } from './ip-tracking-testing.js';
import { checkTestingOptions, type IpTrackingTestingOptions } from './testing.options.js';
import { testingProviders } from './testing.providers.js';

/** The part of a `TestingModuleBuilder` that is used here. */
export interface ProviderOverrides {
  overrideProvider(token: unknown): {
    useFactory(options: { factory: (...parts: never[]) => unknown; inject: never[] }): unknown;
  };
}

/**
 * `IpTrackingModule` for tests: rules, limits, decisions, decorators and the edge are the real ones, but all of it is in
 * memory. It reaches for no database, no Redis and no disk, and time stands still until the test moves it.
 */
@Module({})
export class IpTrackingTestingModule {
  /**
   * The module itself, for a test that puts together its own app. `module.get(IpTrackingTesting)` is what the test sees
   * and moves.
   *
   * @throws IpTrackingError for an option that is unknown or out of range.
   */
  static forRoot(options: IpTrackingTestingOptions = {}): DynamicModule {
    checkTestingOptions(options);
    const testing = new IpTrackingTesting(options);
    const made = IpTrackingModule.forRoot({ database: NOWHERE });
    return {
      ...made,
      providers: [
        ...(made.providers ?? []),
        ...testingProviders(testing, options),
        { provide: IpTrackingTesting, useValue: testing },
      ],
      exports: [...(made.exports ?? []), IpTrackingTesting],
    };
  }

  /**
   * Takes an app as it is, with its `IpTrackingModule` and what that is configured to, and has it work in memory.
   *
   * @param builder what `Test.createTestingModule({ imports: [AppModule] })` gives, before it is compiled.
   * @returns what the test sees and moves.
   * @throws IpTrackingError for an option that is unknown or out of range.
   */
  static override(
    builder: ProviderOverrides,
    options: IpTrackingTestingOptions = {},
  ): IpTrackingTesting {
    checkTestingOptions(options);
    const testing = new IpTrackingTesting(options);
    for (const { provide, useFactory, inject = [] } of testingProviders(testing, options)) {
      builder
        .overrideProvider(provide)
        .useFactory({ factory: useFactory, inject: inject as never[] });
    }
    return testing;
  }
}
