import { expect, it } from 'vitest';
import { requestFacts } from '../../test/support/request-facts.js';
import { isImageLike } from './image-like.js';
import type { RequestFacts } from './request-facts.js';

const IMAGE: Partial<RequestFacts> = { accept: 'image/avif,image/webp,*/*;q=0.8' };
const SCRIPT: Partial<RequestFacts> = { accept: '*/*', referer: 'http://shop.example/' };

it.each<[string, Partial<RequestFacts>]>([
  ['an image', IMAGE],
  ['a film', { accept: 'video/webm,*/*' }],
  ['a sound', { accept: 'audio/webm,*/*' }],
  ['a font', { accept: 'font/woff2,*/*' }],
  ['a style', { accept: 'text/css,*/*;q=0.1' }],
  ['a script of a page', SCRIPT],
])('%s looks like a part of a page', (_, changes) => {
  expect(isImageLike(requestFacts(changes))).toBe(true);
});

it.each<[string, Partial<RequestFacts>]>([
  ['what is sent', { ...IMAGE, method: 'POST' }],
  ['what accepts nothing', { ...SCRIPT, accept: null }],
  ['what accepts pages', { ...SCRIPT, accept: 'text/html,image/avif' }],
  ['what accepts another text', { accept: 'text/cssx' }],
  ['what accepts anything, and comes from nowhere', { ...SCRIPT, referer: null }],
  ['what accepts anything, and comes from an empty address', { ...SCRIPT, referer: '' }],
  ['what says its mode', { ...IMAGE, secFetchMode: 'no-cors' }],
  ['what says its destination', { ...IMAGE, secFetchDest: 'image' }],
  ['what a program asks for', { ...IMAGE, userAgent: 'curl/8.5.0' }],
  ['what only names a browser', { ...IMAGE, userAgent: 'x Mozilla/5.0' }],
  ['what nobody asks for', { ...IMAGE, userAgent: null }],
])('%s does not', (_, changes) => {
  expect(isImageLike(requestFacts(changes))).toBe(false);
});
