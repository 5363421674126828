import { build } from 'esbuild';

/** Makes one file of many, for the oldest Node that is supported, as CommonJS; the options are esbuild's. */
export function bundle(options) {
  return build({
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'error',
    ...options,
  });
}
