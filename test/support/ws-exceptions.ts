import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Catch, UseFilters, type ArgumentsHost } from '@nestjs/common';
import { BaseWsExceptionFilter } from '@nestjs/websockets';
import type { WebSocket } from 'ws';

const { version } = JSON.parse(
  readFileSync(join(__dirname, '../../node_modules/@nestjs/websockets/package.json'), 'utf8'),
) as { version: string };

/** What a host has who uses plain WebSockets on Nest 11, whose own filter tells their clients nothing. */
@Catch()
class TellsExceptions extends BaseWsExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    const ws = host.switchToWs();
    const client = ws.getClient<Partial<WebSocket>>();
    const other = super.catch.bind(this);
    if (typeof client.readyState !== 'number') return other(exception, host);
    const emit = (event: string, data: unknown): void =>
      client.send!(JSON.stringify({ event, data }));
    this.handleError({ emit } as never, exception, {
      pattern: ws.getPattern(),
      data: ws.getData(),
    });
  }
}

/** On a gateway whose tests hear of exceptions; Nest 12 needs nothing of this. */
export const TellExceptions = (): ClassDecorator =>
  version.startsWith('11.') ? UseFilters(new TellsExceptions()) : () => undefined;
