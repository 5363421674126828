// An app on a copy of the package that has followed the recipe of a geo provider: prints where it places two clients.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const [dist, databaseUrl] = process.argv.slice(2);
const { Geo, IpTrackingModule, NetworkListProvider } = await import(`${dist}/src/index.js`);

class Routes {
  place(place) {
    return { place };
  }
}
const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, 'place');
Get()(Routes.prototype, 'place', descriptor);
Geo()(Routes.prototype, 'place', 0);
Controller()(Routes);

// Networks for documentation are nowhere, and are never looked up.
const list = [['203.0.114.0/24', { country: 'SE', city: 'Kiruna' }]];
class App {}
Module({
  imports: [
    IpTrackingModule.forRoot({
      database: { url: databaseUrl },
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
      geo: { provider: new NetworkListProvider(list) },
      stateDir: false,
    }),
  ],
  controllers: [Routes],
})(App);

const app = await NestFactory.create(App, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
for (const from of ['203.0.114.9', '203.0.115.9']) {
  const url = `http://127.0.0.1:${app.getHttpServer().address().port}`;
  const response = await fetch(url, { headers: { 'x-forwarded-for': from } });
  console.log(JSON.stringify(await response.json()));
}
await app.close();
process.exit(0);
