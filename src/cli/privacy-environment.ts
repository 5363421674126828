import type { PrivacyOptions } from '../index.js';

/**
 * How the app hashes addresses, so that they can be found: `IP_TRACKING_PRIVACY_KEY`, with the keys of before after it,
 * separated by commas, and `IP_TRACKING_PRIVACY_ROTATE_EVERY`. The commands store nothing, so nothing else matters.
 */
export function privacyFromEnvironment(): PrivacyOptions {
  const [key, ...previousKeys] = (process.env['IP_TRACKING_PRIVACY_KEY'] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const rotateEvery = process.env['IP_TRACKING_PRIVACY_ROTATE_EVERY'] || undefined;
  return {
    ...(key === undefined ? {} : { key, previousKeys }),
    ...(rotateEvery === undefined ? {} : { rotateEvery }),
  };
}
