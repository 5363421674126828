import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import { defer, from, mergeMap, type Observable, tap } from 'rxjs';
import { contextOfExecution, countedExecution } from '../edge/context-of-execution.js';
import { endWith } from '../edge/message-ending.js';
import { withoutModule } from '../edge/missing-module.js';
import { MessageContext } from '../edge/request-context.js';
import { RequestEdge } from '../edge/request-edge.js';
import { attemptOf, type Attempt } from './attempt.js';
import { RateLimiter } from './rate-limiter.js';

const SUCCESS = { status: 200, isComplete: true };
const FAILURE = { status: 400, isComplete: true };

/**
 * What the last guard of a route does, for handlers that have none: messages, and fields of GraphQL. It runs after every
 * guard, and so can know who the user is; and it knows when what it runs around is over, which no response tells.
 * `@Sensitive()` and `@RateLimit()` bind it; routes of HTTP are spared it.
 */
@Injectable()
export class LimitInterceptor implements NestInterceptor {
  /** @internal */
  constructor(
    @Optional() @Inject(RequestEdge) private readonly edge: RequestEdge | undefined,
    @Optional() @Inject(RateLimiter) private readonly limiter: RateLimiter,
  ) {
    if (edge === undefined) withoutModule(LimitInterceptor.name);
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { edge } = this;
    if (edge === undefined) return next.handle();
    const context = contextOfExecution(execution, edge);
    if (context === null) return next.handle();
    const attempt = attemptOf(context, countedExecution(execution, context));
    const answers = attempt === null ? next.handle() : settled(attempt, execution, next);
    if (context instanceof MessageContext) return endWith(answers, context, edge);
    // What has a response of its own is ended by the edge, when that has closed.
    return attempt === null || execution.getType() === 'http'
      ? answers
      : this.ended(answers, attempt);
  }

  private ended(answers: Observable<unknown>, attempt: Attempt): Observable<unknown> {
    const end = (ending: typeof SUCCESS): void => this.limiter.endQuietly(attempt, ending);
    return answers.pipe(tap({ complete: () => end(SUCCESS), error: () => end(FAILURE) }));
  }
}

/** The handler's answers, once the attempt counts for the right client. */
function settled(
  attempt: Attempt,
  execution: ExecutionContext,
  next: CallHandler,
): Observable<unknown> {
  return defer(() => {
    const settling = attempt.owner?.settle(attempt, execution) ?? true;
    return settling instanceof Promise
      ? from(settling).pipe(mergeMap(() => next.handle()))
      : next.handle();
  });
}
