import type { Nest } from './installed-host.js';

export interface AppKind {
  readonly nest: Nest;
  readonly adapter: 'express' | 'fastify';
}

/** The app of README's snippet, with what `nest new` has made, and a gateway and a query beside it. */
export function readmeApp({ nest, adapter }: AppKind): Record<string, string> {
  // ECMAScript modules name files in full.
  const js = nest === 12 ? '.js' : '';
  const isFastify = adapter === 'fastify';
  const driver = isFastify
    ? { name: 'Mercurius', from: '@nestjs/mercurius', options: '' }
    : { name: 'Apollo', from: '@nestjs/apollo', options: '' };
  return {
    'src/account.controller.ts': `
import { Controller, Get } from '@nestjs/common';
import { Sensitive } from 'nestjs-ip-tracking';

@Controller('account')
export class AccountController {
  @Get()
  @Sensitive() // 10 requests a minute for a user, 5 for an anonymous address
  account() {
    return 'yours';
  }
}
`,
    'src/account.controller.spec.ts': `
import { Test, TestingModule } from '@nestjs/testing';
import { AccountController } from './account.controller${js}';

describe('AccountController', () => {
  let controller: AccountController;

  beforeEach(async () => {
    const module: TestingModule = await Test.createTestingModule({
      controllers: [AccountController],
    }).compile();

    controller = module.get<AccountController>(AccountController);
  });

  it('should be defined', () => {
    expect(controller).toBeDefined();
  });
});
`,
    'src/echo.gateway.ts': `
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

@WebSocketGateway()
export class EchoGateway {
  @SubscribeMessage('echo')
  echo(_client: unknown, data: unknown) {
    return { event: 'echo', data };
  }
}
`,
    'src/hello.resolver.ts': `
import { Query, Resolver } from '@nestjs/graphql';

@Resolver()
export class HelloResolver {
  @Query(() => String)
  hello(): string {
    return 'you';
  }
}
`,
    'src/app.module.ts': `
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { ${driver.name}Driver, type ${driver.name}DriverConfig } from '${driver.from}';
import { IpTrackingModule } from 'nestjs-ip-tracking';
import { AccountController } from './account.controller${js}';
import { AppController } from './app.controller${js}';
import { AppService } from './app.service${js}';
import { EchoGateway } from './echo.gateway${js}';
import { HelloResolver } from './hello.resolver${js}';

const database = { url: process.env.DATABASE_URL!, migrationsRun: true };
@Module({
  imports: [
    IpTrackingModule.forRoot({ database }),
    GraphQLModule.forRoot<${driver.name}DriverConfig>({ driver: ${driver.name}Driver, autoSchemaFile: true }),
  ],
  controllers: [AppController, AccountController],
  providers: [AppService, EchoGateway, HelloResolver],
})
export class AppModule {}
`,
    'src/main.ts': `
import { NestFactory } from '@nestjs/core';
${isFastify ? `import { FastifyAdapter } from '@nestjs/platform-fastify';` : ''}
import { WsAdapter } from '@nestjs/platform-ws';
import { AppModule } from './app.module${js}';

async function bootstrap() {
  const app = await NestFactory.create(AppModule${isFastify ? ', new FastifyAdapter()' : ''});
  app.useWebSocketAdapter(new WsAdapter(app));
  app.enableShutdownHooks();
  await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
}
${nest === 12 ? 'await ' : 'void '}bootstrap();
`,
  };
}

/** The same with nothing beside it: no gateway, no query. */
export function plainApp(kind: AppKind): Record<string, string> {
  const {
    'src/echo.gateway.ts': _gateway,
    'src/hello.resolver.ts': _resolver,
    ...files
  } = readmeApp(kind);
  const extra =
    /import .*(?:graphql|apollo|mercurius|gateway|resolver|platform-ws).*\n|.*WsAdapter.*\n/gi;
  return {
    ...files,
    'src/main.ts': files['src/main.ts']!.replace(extra, ''),
    'src/app.module.ts': files['src/app.module.ts']!.replace(extra, '')
      .replace(/ {4}GraphQLModule[^]*?\}\),\n/, '')
      .replace(', EchoGateway, HelloResolver', ''),
  };
}

/** What README says to install beside the package. */
export function packagesOf({ nest }: Pick<AppKind, 'nest'>): string[] {
  return [
    `@nestjs/typeorm@^${nest}`,
    `@nestjs/schedule@^${nest === 12 ? 12 : 6}`,
    '@nestjs/throttler',
    nest === 12 ? 'typeorm@^1' : 'typeorm@^0.3.31',
    'pg',
  ];
}

/** What the gateway and the query need. */
export function morePackagesOf({ nest, adapter }: AppKind): string[] {
  const graphql = nest === 12 ? 14 : 13;
  return [
    `@nestjs/websockets@^${nest}`,
    `@nestjs/platform-ws@^${nest}`,
    `@nestjs/graphql@^${graphql}`,
    'graphql@^16',
    ...(adapter === 'fastify'
      ? [`@nestjs/platform-fastify@^${nest}`, `@nestjs/mercurius@^${graphql}`, 'mercurius@^16']
      : [`@nestjs/apollo@^${graphql}`, '@apollo/server@^5', '@as-integrations/express5']),
  ];
}
