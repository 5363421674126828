import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { Sensitive } from '../../src/index.js';
import { TokenGuard } from './token.guard.js';

@Controller('account')
@Sensitive()
export class AccountController {
  /** Ten a minute for the user, whatever address they come from. */
  @Get()
  @UseGuards(TokenGuard)
  account(@Req() request: { user: { id: string } }) {
    return { user: request.user.id };
  }
}
