import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** A connection that a test speaks byte by byte, to see what a client library would hide. */
export class RawSocket {
  received = '';
  isClosed = false;
  private readonly closed: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.received += text));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
  }

  static async to(options: NetConnectOpts): Promise<RawSocket> {
    const socket = connect(options);
    const raw = new RawSocket(socket);
    await once(socket, 'connect');
    return raw;
  }

  /** To the port of a URL, on IPv4's loopback unless told. */
  static toUrl(url: string, host = '127.0.0.1'): Promise<RawSocket> {
    return RawSocket.to({ host, port: Number(new URL(url).port) });
  }

  /** Lines of a head, or a body, as they are. */
  write(...lines: string[]): this {
    this.socket.write(lines.length === 1 ? lines[0]! : `${lines.join('\r\n')}\r\n\r\n`);
    return this;
  }

  /** Waits until what was received matches. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
    return this.received;
  }

  /** Waits until the other side has closed, and gives all that it said. */
  async untilClosed(): Promise<string> {
    await this.closed;
    return this.received;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** The statuses of the answers in a text, in order. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
