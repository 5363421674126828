import { SeedReporter } from '../property-seed.js';

/** Vitest takes a reporter by its file's default export, and makes it with options of its own. */
export default class extends SeedReporter {
  constructor() {
    super(undefined);
  }
}
