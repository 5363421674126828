import { expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { ForwardingPeers } from './forwarding-peers.js';

const ip = (text: string) => parseIp(text)!;

function peers(announce: () => Promise<void> = () => Promise.resolve()) {
  const announced: string[][] = [];
  const forwarding = new ForwardingPeers((prefixes) => {
    announced.push(prefixes.map(String));
    return announce();
  });
  return { forwarding, announced };
}

it('are announced at once, each once, and again an hour later while they forward', async () => {
  const { forwarding, announced } = peers();
  const proxy = ip('10.1.2.3');
  for (const seen of [proxy, proxy, ip('2001:db8::1'), ip('10.1.2.3'), proxy]) forwarding.saw(seen);
  expect(announced).toEqual([['10.1.2.3/32'], ['2001:db8::1/128']]);
  await forwarding.round();
  expect(announced[2]).toEqual(['10.1.2.3/32', '2001:db8::1/128']);
  await forwarding.round();
  expect(announced[3]).toEqual([]);
  forwarding.saw(proxy);
  expect(announced[4]).toEqual(['10.1.2.3/32']);
});

it('are announced by the next round where the database was down', async () => {
  let isDown = true;
  const { forwarding, announced } = peers(() =>
    isDown ? Promise.reject(new Error('down')) : Promise.resolve(),
  );
  forwarding.saw(ip('10.1.2.3'));
  await expect(forwarding.round()).rejects.toThrow('down');
  isDown = false;
  await forwarding.round();
  expect(announced.at(-1)).toEqual(['10.1.2.3/32']);
});

it('are few, however many clients pretend to be one', async () => {
  const { forwarding, announced } = peers();
  for (let last = 1; last <= 200; last += 1) forwarding.saw(ip(`203.0.113.${last}`));
  expect(announced).toHaveLength(32);
  await forwarding.round();
  forwarding.saw(ip('203.0.113.200'));
  expect(announced.at(-1)).toEqual(['203.0.113.200/32']);
});
