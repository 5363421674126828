import { Module } from '@nestjs/common';
import { IpTrackingModule } from '../index.js';
import { AdoptStateCommand } from './adopt-state.command.js';
import { AllowIpCommand } from './allow-ip.command.js';
import { BlockIpCommand } from './block-ip.command.js';
import { DisallowIpCommand } from './disallow-ip.command.js';
import { EraseIpCommand } from './erase-ip.command.js';
import { ExportIpCommand } from './export-ip.command.js';
import { FlagSuspiciousCommand } from './flag-suspicious.command.js';
import { HistoryCommand } from './history.command.js';
import { ImportLogCommand } from './import-log.command.js';
import { JudgeCommand } from './judge.command.js';
import { ListRulesCommand } from './list-rules.command.js';
import { MigrateCommand } from './migrate.command.js';
import { privacyFromEnvironment } from './privacy-environment.js';
import { PruneCommand } from './prune.command.js';
import { ReplayCommand } from './replay.command.js';
import { ResetLimitsCommand } from './reset-limits.command.js';
import { SuspiciousCommand } from './suspicious.command.js';
import { UnblockIpCommand } from './unblock-ip.command.js';

/** For `--help`, which needs no database: nothing connects before a command runs. */
const NOWHERE = 'postgres://127.0.0.1:1/none';

/** The commands over the parts of the module that change and read; none of those that serve requests. */
@Module({
  imports: [
    IpTrackingModule.forRootAsync({
      useFactory: () => ({
        database: {
          url: process.env['IP_TRACKING_DATABASE_URL'] || process.env['DATABASE_URL'] || NOWHERE,
          directUrl: process.env['IP_TRACKING_DIRECT_URL'] || undefined,
          connectTimeoutMs: 5_000,
        },
        rules: { follow: false },
        geo: false,
        privacy: privacyFromEnvironment(),
        // Only read: what the app has spooled belongs into an export.
        stateDir: process.env['IP_TRACKING_STATE_DIR'] || undefined,
        requestLog: false,
        rateLimits: false,
        detection: { cron: false, watch: false },
      }),
    }),
  ],
  providers: [
    BlockIpCommand,
    UnblockIpCommand,
    AllowIpCommand,
    DisallowIpCommand,
    ListRulesCommand,
    HistoryCommand,
    ImportLogCommand,
    JudgeCommand,
    FlagSuspiciousCommand,
    SuspiciousCommand,
    EraseIpCommand,
    ExportIpCommand,
    PruneCommand,
    ReplayCommand,
    ResetLimitsCommand,
    AdoptStateCommand,
    MigrateCommand,
  ],
})
export class CliModule {}
