// A host of the packed package: ESM, on Express or Fastify. Prints what a request got, and ends by itself.
import 'reflect-metadata';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IpTrackingModule, Sensitive } from 'nestjs-ip-tracking';

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
  imports: [IpTrackingModule.forRoot({ database: { url: process.env.DATABASE_URL }, geo: false })],
  controllers: [HelloController],
})(AppModule);

const options = { logger: ['error'], abortOnError: false };
const app =
  process.env.ADAPTER === 'fastify'
    ? await NestFactory.create(
        AppModule,
        new (await import('@nestjs/platform-fastify')).FastifyAdapter(),
        options,
      )
    : await NestFactory.create(AppModule, options);
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
const response = await fetch(`http://127.0.0.1:${port}/hello`);
process.stdout.write(JSON.stringify({ status: response.status, body: await response.json() }));
await app.close();
