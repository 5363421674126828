import { Controller, Get } from '@nestjs/common';
import { ClientIp, Geo, IpRuleService, type GeoPlace } from '../../src/index.js';

@Controller()
export class HomeController {
  constructor(private readonly rules: IpRuleService) {}

  @Get()
  home() {
    return { message: 'Hello. Try /whoami, /sign-in, /login, /account, /admin and /health.' };
  }

  /** What the library knows about whoever asks. */
  @Get('whoami')
  async whoami(@ClientIp() ipAddress: string | null, @Geo() place: GeoPlace | null) {
    if (ipAddress === null) return { ipAddress, place, decision: null };
    const { decision, rule } = await this.rules.explain(ipAddress);
    return {
      ipAddress,
      place,
      decision: decision.action,
      because: rule?.reason ?? decision.reason,
    };
  }
}
