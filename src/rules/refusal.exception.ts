import { HttpException } from '@nestjs/common';
import type { RefusalResponse } from '../edge/request-edge.js';

/**
 * The guard's refusal of a request. To whoever catches it, it is an `HttpException` with the body that a client gets in
 * JSON; the module's own filter sends the answer as the host has made it, page and headers included.
 */
export class RefusalException extends HttpException {
  constructor(readonly refusal: RefusalResponse) {
    super(bodyOf(refusal), refusal.status);
  }
}

function bodyOf({ body, status }: RefusalResponse): object {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // A page.
  }
  return { statusCode: status, message: 'Forbidden' };
}
