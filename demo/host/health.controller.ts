import { Controller, Get } from '@nestjs/common';
import { SkipIpRules } from '../../src/index.js';

@Controller('health')
@SkipIpRules()
export class HealthController {
  /** Reachable even from a blocked address. */
  @Get()
  health() {
    return { status: 'ok' };
  }
}
