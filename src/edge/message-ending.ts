import { HttpException } from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import { answered } from './ending.js';
import type { MessageContext } from './request-context.js';
import type { RequestEdge } from './request-edge.js';

const OK = 200;
const BAD_REQUEST = 400;
const INTERNAL_ERROR = 500;

/** Ends a message when its handler has answered, thrown, or lost whom it would answer. */
export function endWith<T>(
  answers: Observable<T>,
  context: MessageContext,
  edge: RequestEdge,
): Observable<T> {
  return answers.pipe(
    tap({
      complete: () => edge.end(context, answered(OK)),
      error: (error: unknown) => edge.end(context, answered(statusOf(error))),
      unsubscribe: () => edge.end(context, { status: OK, isComplete: false, hasClientLeft: true }),
    }),
  );
}

/**
 * The status that HTTP would give what a handler has thrown. `WsException` and `RpcException`, known by their
 * `getError()` because their packages are optional, are a handler's own answer: 400, unless they carry a status.
 */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const thrown = error as { getError?(): unknown } | null | undefined;
  const isAnswer = typeof thrown?.getError === 'function';
  const carried = (isAnswer ? thrown.getError!() : thrown) as
    { status?: unknown; statusCode?: unknown } | null | undefined;
  for (const status of [carried?.statusCode, carried?.status]) {
    if (typeof status === 'number' && status >= BAD_REQUEST && status < 600) return status;
  }
  return isAnswer ? BAD_REQUEST : INTERNAL_ERROR;
}
