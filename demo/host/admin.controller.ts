import { Controller, Get } from '@nestjs/common';
import { AllowIps, Sensitive } from '../../src/index.js';

@Controller('admin')
@Sensitive()
@AllowIps('127.0.0.0/8', '::1', '10.0.0.0/8', '192.168.0.0/16')
export class AdminController {
  /** From this machine and its private networks only; what a forged header says does not count. */
  @Get()
  admin() {
    return { message: 'You are inside.' };
  }
}
