import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitRequestLine, splitRequestText } from './request-line.js';

it('takes a text apart as it takes the bytes of a log', () => {
  const piece = fc.constantFrom(
    'GET',
    'POST',
    ' ',
    '/',
    'a',
    '-',
    '"',
    ' HTTP/1.1',
    'HTTP/2',
    'HTTP/1.x',
    '\u00e9',
    '\x16',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      const bytes = Buffer.from(text, 'latin1');
      expect(splitRequestText(text)).toEqual(splitRequestLine(bytes, 0, bytes.length));
    }),
    { numRuns: 5_000 },
  );
});
