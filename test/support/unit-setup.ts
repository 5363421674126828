import type { TestProject } from 'vitest/node';
import { temporaryFolder } from './temporary-folder.js';

/** What every test is given: a folder of the run. */
export function setup(project: TestProject): () => Promise<void> {
  const folder = temporaryFolder('unit');
  project.provide('temporaryFolder', folder.path);
  return () => folder.remove();
}
