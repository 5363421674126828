/** A published list of the addresses from which a provider connects to an origin. */
export interface ProviderRanges {
  /** Where the provider publishes the list. */
  readonly source: string;
  /** The day (UTC) of the copy below. A list that has grown since makes new edges look like clients. */
  readonly copiedOn: string;
  readonly prefixes: readonly string[];
}

// `node scripts/refresh-provider-ranges.mjs` rewrites the lists between the markers.

// <cloudflare>
export const CLOUDFLARE_RANGES: ProviderRanges = {
  source: 'https://www.cloudflare.com/ips-v4 and https://www.cloudflare.com/ips-v6',
  copiedOn: '2026-02-11',
  prefixes: [
    '103.21.244.0/22',
    '103.22.200.0/22',
    '103.31.4.0/22',
    '104.16.0.0/13',
    '104.24.0.0/14',
    '108.162.192.0/18',
    '131.0.72.0/22',
    '141.101.64.0/18',
    '162.158.0.0/15',
    '172.64.0.0/13',
    '173.245.48.0/20',
    '188.114.96.0/20',
    '190.93.240.0/20',
    '197.234.240.0/22',
    '198.41.128.0/17',
    '2400:cb00::/32',
    '2405:8100::/32',
    '2405:b500::/32',
    '2606:4700::/32',
    '2803:f800::/32',
    '2a06:98c0::/29',
    '2c0f:f248::/32',
  ],
};
// </cloudflare>

// <fastly>
export const FASTLY_RANGES: ProviderRanges = {
  source: 'https://api.fastly.com/public-ip-list',
  copiedOn: '2026-10-14',
  prefixes: [
    '23.235.32.0/20',
    '43.249.72.0/22',
    '103.244.50.0/24',
    '103.245.222.0/23',
    '103.245.224.0/24',
    '104.156.80.0/20',
    '140.248.64.0/18',
    '140.248.128.0/17',
    '146.75.0.0/17',
    '151.101.0.0/16',
    '157.52.64.0/18',
    '167.82.0.0/17',
    '167.82.128.0/20',
    '167.82.160.0/20',
    '167.82.224.0/20',
    '172.111.64.0/18',
    '185.31.16.0/22',
    '199.27.72.0/21',
    '199.232.0.0/16',
    '2a04:4e40::/32',
    '2a04:4e42::/32',
  ],
};
// </fastly>

/**
 * Google Front Ends: the peers of a backend of a global external or classic Application Load Balancer. A page and not
 * a feed, so it is refreshed by hand. Regional and internal load balancers connect from the proxy-only subnet of the
 * VPC instead, which only its owner knows.
 */
export const GOOGLE_FRONT_END_RANGES: ProviderRanges = {
  source: 'https://cloud.google.com/load-balancing/docs/firewall-rules',
  copiedOn: '2026-11-21',
  prefixes: ['35.191.0.0/16', '130.211.0.0/22', '2600:2d00:1:1::/64', '2600:2d00:1:b029::/64'],
};
