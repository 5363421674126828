import { callHost } from './host-hook.js';
import type { CorsAnswer, CorsRequest, HostCors } from './host-cors.js';

type Next = (error?: unknown) => void;
/** Hooks of some phases are given the payload before they are given what calls them back. */
type CorsHook = (request: unknown, reply: CorsReply, ...rest: [Next] | [unknown, Next]) => unknown;

/** Nest's adapter keeps the hook that `enableCors()` makes, to run it before its middleware. */
interface CorsAdapter {
  corsHook?: unknown;
}

/** The name that `@fastify/cors` gives its hook. */
const CORS_HOOK = 'handleCors';
/** The phases in which `@fastify/cors` can run. */
const PHASES = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization'];

/**
 * The hook of `@fastify/cors` in a Fastify application: the one of Nest's `enableCors()`, or the one that a host has
 * registered itself, which is known by its name.
 */
export class FastifyCors implements HostCors {
  private known: CorsHook | null | undefined;

  constructor(
    private readonly adapter: CorsAdapter,
    /** The hooks of the application by phase. */
    private readonly hooks: () => Record<string, unknown>,
  ) {}

  get areSet(): boolean {
    // First asked by a request, when all plugins have been loaded.
    if (this.known === undefined) this.known = this.find();
    return this.known !== null;
  }

  judge({ request }: CorsRequest, settle: (said: CorsAnswer | null) => void): void {
    const hook = this.known;
    if (hook === null || hook === undefined) {
      settle(null);
      return;
    }
    const reply = new CorsReply((status) => settle({ headers: reply.headers, status }));
    const next: Next = (error) => settle(error ? null : { headers: reply.headers, status: null });
    callHost(
      () => (hook.length > 3 ? hook(request, reply, null, next) : hook(request, reply, next)),
      () => settle(null),
    );
  }

  private find(): CorsHook | null {
    const { corsHook } = this.adapter;
    if (typeof corsHook === 'function') return corsHook as CorsHook;
    const hooks = this.hooks();
    const found = PHASES.flatMap((phase) => (hooks[phase] as unknown[] | undefined) ?? []).find(
      (hook) => typeof hook === 'function' && hook.name === CORS_HOOK,
    );
    return (found as CorsHook | undefined) ?? null;
  }
}

/** A reply that goes nowhere, with what `@fastify/cors` asks of one. */
class CorsReply {
  readonly headers: Record<string, string> = {};
  private statusCode = 200;

  constructor(private readonly sent: (status: number) => void) {}

  header(name: string, value: unknown): this {
    this.headers[name.toLowerCase()] = String(value);
    return this;
  }

  getHeader(name: string): string | undefined {
    return this.headers[name.toLowerCase()];
  }

  type(value: string): this {
    return this.header('content-type', value);
  }

  code(status: number): this {
    this.statusCode = status;
    return this;
  }

  status(status: number): this {
    return this.code(status);
  }

  send(): this {
    this.sent(this.statusCode);
    return this;
  }
}
