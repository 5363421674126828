import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { defer, from, mergeMap, type Observable, tap } from 'rxjs';
import { contextOfExecution, countedExecution } from '../../edge/context-of-execution.js';
import { MessageContext } from '../../edge/request-context.js';
import { RequestEdge } from '../../edge/request-edge.js';
import { LimitDoor } from '../../limits/limit-door.js';
import type { HeaderSetter } from '../../limits/limit-answers.js';
import { type Attempt, RateLimiter } from '../../limits/rate-limiter.js';
import { tooManyRequests } from '../../limits/too-many-requests.js';
import { logMessage } from './message-log.js';

const OK = 200;
const BAD_REQUEST = 400;

/**
 * Runs after every guard, and so can know who the user is: it moves an attempt from its address's limit to the user's,
 * where no last guard has done so. Bound to a controller whose requests did not come through the edge, it opens the
 * record that the response then closes. Bound to a gateway, a microservice's handler or a GraphQL subscription, it writes
 * one record a message, which nothing else does: there is no response to close. Not bound globally: an empty global
 * interceptor alone costs a third of a Fastify app's throughput.
 */
@Injectable()
export class RequestLogInterceptor implements NestInterceptor {
  constructor(
    @Inject(RequestEdge) private readonly edge: RequestEdge,
    @Inject(RateLimiter) private readonly limiter: RateLimiter,
    @Inject(LimitDoor) private readonly door: LimitDoor,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const context = contextOfExecution(execution, this.edge);
    if (context === null) return next.handle();
    const attempt = this.limiter.attemptOf(context, countedExecution(execution, context));
    const answers = attempt === null ? next.handle() : this.limited(attempt, execution, next);
    return context instanceof MessageContext ? logMessage(answers, context, this.edge) : answers;
  }

  /** The handler's answers, once the attempt counts for the right client. */
  private limited(
    attempt: Attempt,
    execution: ExecutionContext,
    next: CallHandler,
  ): Observable<unknown> {
    const answers = this.limiter.isUnsettled(attempt)
      ? defer(() => from(this.settle(attempt, execution))).pipe(mergeMap(() => next.handle()))
      : next.handle();
    // What has a response of its own is ended by the edge, when that has closed.
    return execution.getType<string>() === 'http' ? answers : this.ended(answers, attempt);
  }

  private async settle(attempt: Attempt, execution: ExecutionContext): Promise<void> {
    const kind = execution.getType<string>();
    const response = kind === 'http' ? execution.switchToHttp().getResponse<HeaderSetter>() : null;
    const throttled = await this.door.settle(attempt, response);
    if (throttled === null) return;
    throw await tooManyRequests(kind, throttled.refusal, throttled.retryAfterMs);
  }

  private ended(answers: Observable<unknown>, attempt: Attempt): Observable<unknown> {
    const end = (status: number): void =>
      void this.limiter.end(attempt, { status, isComplete: true }).catch(() => undefined);
    return answers.pipe(tap({ complete: () => end(OK), error: () => end(BAD_REQUEST) }));
  }
}

/** The same, as `@Sensitive()` and `@RateLimit()` bind it: routes of HTTP do without it, and have a last guard instead. */
@Injectable()
export class LimitInterceptor extends RequestLogInterceptor {}
