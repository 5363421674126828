import type { TestProject } from 'vitest/node';
import { provideSeed } from './property-seed.js';
import { temporaryFolder } from './temporary-folder.js';

/** What every test is given: a folder of the run, and a seed. */
export function setup(project: TestProject): () => Promise<void> {
  provideSeed(project);
  const folder = temporaryFolder('unit');
  project.provide('temporaryFolder', folder.path);
  return () => folder.remove();
}
