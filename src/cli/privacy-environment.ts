import type { PrivacyOptions } from '../index.js';

/**
 * How the app hashes addresses, so that they can be found: `IP_TRACKING_PRIVACY_KEY`, with the keys of before after it,
 * separated by commas, and `IP_TRACKING_PRIVACY_ROTATE_EVERY`. Who gives a key hashes: then what is noted of an address
 * that was erased is its hashes alone.
 */
export function privacyFromEnvironment(): PrivacyOptions {
  const [key, ...previousKeys] = (process.env['IP_TRACKING_PRIVACY_KEY'] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const rotateEvery = process.env['IP_TRACKING_PRIVACY_ROTATE_EVERY'] || undefined;
  return {
    ...(key === undefined ? {} : { address: 'hashed', key, previousKeys }),
    ...(rotateEvery === undefined ? {} : { rotateEvery }),
  };
}
