import { HttpException } from '@nestjs/common';
import { refusalBody } from '../edge/custom-refusal.js';
import type { RefusalResponse } from '../edge/refusal-response.js';

/**
 * The guard's refusal of a request. To whoever catches it, it is an `HttpException` with the body that a client gets in
 * JSON. Where no filter of the host's catches it, the module's own sends the answer as `rules.refusal` has made it, page
 * and headers included.
 */
export class RefusalException extends HttpException {
  constructor(readonly refusal: RefusalResponse) {
    super(refusalBody(refusal), refusal.status);
  }
}
