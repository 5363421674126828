import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Inject,
  Injectable,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { sendRefusal } from '../edge/custom-refusal.js';
import { RefusalException } from './refusal.exception.js';

/**
 * Answers a request that the guard has refused exactly as the edge would have. Any filter of the host's that catches an
 * `HttpException` is asked before it.
 */
@Catch(RefusalException)
@Injectable()
export class RefusalFilter implements ExceptionFilter<RefusalException> {
  constructor(@Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost) {}

  catch(exception: RefusalException, host: ArgumentsHost): void {
    // GraphQL has its own way to tell errors.
    if (host.getType<string>() !== 'http') throw exception;
    const response = host.switchToHttp().getResponse<unknown>();
    sendRefusal(this.adapterHost.httpAdapter, response, exception.refusal);
  }
}
