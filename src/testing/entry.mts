// The types for `import`: as src/index.mts.
export * from './entry.js';
