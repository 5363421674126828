import { expect, it } from 'vitest';
import { AgentFilter } from './agent-filter.js';

it.each([
  ['evil', 'evil', true],
  ['evil', 'an Evil bot', true],
  ['evilbot', 'evilcat', true],
  ['evil', 'vil', false],
  ['evi\0', 'evi', false],
  ['evil', 'xxxxxxxx', false],
  ['evil', '', false],
  ['caf\xe9', 'a caf\xe9', true],
  ['caf\xe9', 'a caf\xe8', false],
  ['caf\xe9', 'a caf\0', false],
  ['evi\x80', 'an evi\x80', true],
  ['evi\x80', 'an evi\0', false],
])('%j may be a part of %j: %s', (text, agent, may) => {
  expect(new AgentFilter([text]).mayMeet(agent)).toBe(may);
});
