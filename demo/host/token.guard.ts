import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { DemoTokens } from './demo-tokens.js';

interface DemoRequest {
  headers: { authorization?: string };
  user?: { id: string };
}

/** A host's usual guard: it puts the user on the request, or refuses with 401. */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly tokens: DemoTokens) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<DemoRequest>();
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const user = token === undefined ? null : this.tokens.verify(token);
    if (user === null) throw new UnauthorizedException('send a token of POST /login as a bearer');
    request.user = user;
    return true;
  }
}
