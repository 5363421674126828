export { IpTrackingTestingModule, type ProviderOverrides } from './ip-tracking-testing.module.js';
export { IpTrackingTesting } from './ip-tracking-testing.js';
export type {
  IpTrackingTestingOptions,
  TestClient,
  TestPlace,
  TestRules,
} from './testing.options.js';
