/**
 * What the command line uses of nest-commander. In the published package this file is a bundle with nest-commander in it
 * (scripts/bundle-nest-commander.mjs): as a dependency it would bring prompts that nobody is asked, and a package whose
 * peer range stops short of a Nest that works.
 */
export { Command, CommandFactory, CommandRunner, Option } from 'nest-commander';
