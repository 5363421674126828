import { Module, type DynamicModule } from '@nestjs/common';
import { IpTrackingModule } from '../../src/index.js';
import { AccountController } from './account.controller.js';
import { AdminController } from './admin.controller.js';
import { DemoTokens } from './demo-tokens.js';
import { HealthController } from './health.controller.js';
import { HomeController } from './home.controller.js';
import { LoginController } from './login.controller.js';
import { PageController } from './page.controller.js';

/** A small host app that uses every part of the library. */
@Module({
  controllers: [
    HomeController,
    PageController,
    LoginController,
    AccountController,
    AdminController,
    HealthController,
  ],
  providers: [DemoTokens],
})
export class DemoModule {
  /** @param cron when the log is scanned: every hour where nothing is given, never where it is `'off'`. */
  static forDatabase(url: string, cron: string | null = null): DynamicModule {
    return {
      module: DemoModule,
      imports: [
        IpTrackingModule.forRoot({
          database: { url, migrationsRun: true },
          // The demo's "proxy" is whoever sits at this machine, so that curl can play any client.
          clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
          detection: cron === null ? {} : { cron: cron === 'off' ? false : cron },
          sensitivePaths: ['/admin', '/login', '/wp-login.php', '/wp-admin', '/admin.php'],
        }),
      ],
    };
  }
}
