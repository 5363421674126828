import {
  BadRequestException,
  Body,
  Controller,
  HttpCode,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { Sensitive } from '../../src/index.js';
import { DemoTokens } from './demo-tokens.js';

@Controller('login')
@Sensitive()
export class LoginController {
  constructor(private readonly tokens: DemoTokens) {}

  /** Five failed attempts a minute, then 429: a wrong password costs as much as a right one. */
  @Post()
  @HttpCode(200)
  login(@Body() body: { username?: unknown; password?: unknown } | undefined) {
    const { username, password } = body ?? {};
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw new BadRequestException('send JSON: { "username": "...", "password": "..." }');
    }
    const token = this.tokens.issue(username, password);
    if (token === null) throw new UnauthorizedException('wrong username or password');
    return { token };
  }
}
