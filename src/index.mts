// The types for `import`. What is run is the same file that `require` gets: scripts/bundle-library.mjs makes it.
export * from './index.js';
