// A host of the packed package in strict TypeScript; it is compiled, never run.
import { Controller, Get, Module } from '@nestjs/common';
import {
  AllowIps,
  ClientIp,
  IpRuleService,
  IpTrackingError,
  IpTrackingModule,
  parseIp,
  PrefixSet,
  Sensitive,
  type ClientIpOptions,
  type Detector,
  type GeoPlace,
  type GeoProvider,
  type IpAddress,
  type IpTrackingOptions,
} from 'nestjs-ip-tracking';
import {
  IpTrackingTestingModule,
  type IpTrackingTesting,
  type ProviderOverrides,
} from 'nestjs-ip-tracking/testing';

const clientIp: ClientIpOptions = { strategy: 'trusted-proxies', proxies: ['10.0.0.0/8'] };
export const options: IpTrackingOptions = {
  database: { url: 'postgres://127.0.0.1/app', migrationsRun: true },
  clientIp,
  detection: { requestsPerHour: 50 },
};

export class NowhereProvider implements GeoProvider {
  readonly name = 'nowhere';

  lookup(ip: IpAddress): GeoPlace | null {
    return ip.family === 4 ? { country: null, city: null } : null;
  }
}

export const silent: Detector = {
  name: 'silent',
  of: 'client',
  weight: 0,
  rules: [{ counts: { any: ['unmatched'] }, atLeast: 1_000, windowMs: 60_000 }],
  words: ({ count }) => ({ reason: `${count} missed` }),
};
export const office: boolean =
  PrefixSet.from([['10.0.0.0/8', true]]).match(parseIp('10.1.2.3')!) ?? false;

@Controller('door')
@Sensitive()
@AllowIps('10.0.0.0/8')
export class DoorController {
  constructor(private readonly rules: IpRuleService) {}

  @Get()
  async close(@ClientIp() ip: string): Promise<string> {
    try {
      const rule = await this.rules.block(ip, { reason: 'asked for it' });
      return rule.network;
    } catch (error) {
      if (error instanceof IpTrackingError && error.code === 'IPT_INVALID_PREFIX') return 'nobody';
      throw error;
    }
  }
}

@Module({ imports: [IpTrackingModule.forRoot(options)], controllers: [DoorController] })
export class HostModule {}

// @ts-expect-error An option that does not exist is an error where it is written.
export const misspelt: IpTrackingOptions = { database: { url: '' }, requestLogs: false };

export const off = IpTrackingModule.forRoot({ enabled: false });
export const inMemory = IpTrackingTestingModule.forRoot({ client: '203.0.113.7' });
export const tracking = (builder: ProviderOverrides): IpTrackingTesting =>
  IpTrackingTestingModule.override(builder, { rules: { block: ['203.0.113.0/24'] } });
