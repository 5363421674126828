// For `import`: the same modules that `require` gets, so that each class, token and symbol is there once in a process.
export * from './index.js';
