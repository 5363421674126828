// A host of the packed package: CommonJS, on Express. Prints what a request got, and ends by itself.
require('reflect-metadata');
const { Controller, Get, Module, Req } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { IpTrackingModule, Sensitive } = require('nestjs-ip-tracking');

class HelloController {
  hello(request) {
    return { hello: request.url };
  }
}
Req()(HelloController.prototype, 'hello', 0);
Get('hello')(
  HelloController.prototype,
  'hello',
  Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello'),
);
Sensitive()(HelloController);
Controller()(HelloController);

class AppModule {}
Module({
  imports: [
    IpTrackingModule.forRootAsync({
      useFactory: () => ({
        database: { url: process.env.DATABASE_URL },
        ...(process.env.BLOCKED_COUNTRY
          ? { rules: { blockCountries: [process.env.BLOCKED_COUNTRY] } }
          : {}),
      }),
    }),
  ],
  controllers: [HelloController],
})(AppModule);

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  const response = await fetch(`http://127.0.0.1:${port}/hello`);
  process.stdout.write(JSON.stringify({ status: response.status, body: await response.json() }));
  await app.close();
}

main().catch((error) => {
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exit(1);
});
