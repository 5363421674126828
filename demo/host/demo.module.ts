import { Module, type DynamicModule } from '@nestjs/common';
import { IpTrackingModule } from '../../src/index.js';
import { AccountController } from './account.controller.js';
import { AdminController } from './admin.controller.js';
import { DemoTokens } from './demo-tokens.js';
import { HealthController } from './health.controller.js';
import { HomeController } from './home.controller.js';
import { LoginController } from './login.controller.js';

/** A small host app that uses every part of the library. */
@Module({
  controllers: [
    HomeController,
    LoginController,
    AccountController,
    AdminController,
    HealthController,
  ],
  providers: [DemoTokens],
})
export class DemoModule {
  static forDatabase(url: string): DynamicModule {
    return {
      module: DemoModule,
      imports: [
        IpTrackingModule.forRoot({
          database: { url, migrationsRun: true },
          // The demo's "proxy" is whoever sits at this machine, so that curl can play any client.
          clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
          sensitivePaths: ['/admin', '/login', '/wp-login.php', '/wp-admin', '/admin.php'],
        }),
      ],
    };
  }
}
