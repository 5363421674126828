import { hasAny, type PayloadPlace } from './payload-text.js';

/** Addresses that only a machine in a cloud can reach: what they answer are its own keys. */
const METADATA = [
  '//169.254.169.254',
  '//2852039166/',
  '//0xa9fea9fe/',
  '//[fd00:ec2::254]',
  '//metadata.google.internal',
  '//100.100.100.200/latest',
  '//169.254.170.2/',
];

/** What Exchange was sent to behind its own login: ProxyShell (CVE-2021-34473) and ProxyNotShell (CVE-2022-41040). */
const EXCHANGE = [
  '/powershell',
  'mapi/nspi',
  'mapi/emsmdb',
  '/ews/exchange.asmx',
  '/ecp/',
  '/owa/',
];

/**
 * Whether a decoded value in lower case sends the server to the metadata of its cloud.
 *
 * Lets pass: addresses of any other kind, for apps are given addresses all the time; and people who search for one of
 * these, or paste it.
 */
export function hasMetadataAddress(value: string, place: PayloadPlace): boolean {
  return place !== 'prose' && value.includes('//') && hasAny(value, METADATA);
}

/**
 * Whether a request for `autodiscover.json` leads Exchange elsewhere, by an address of a user that is none. Mail programs
 * ask for that path as well, with an address and a protocol.
 *
 * @param query decoded and in lower case.
 */
export function isExchangeDetour(path: string, query: string): boolean {
  return path.includes('/autodiscover.json') && query.includes('@') && hasAny(query, EXCHANGE);
}
