import { describe, expect, it } from 'vitest';
import {
  isCall,
  isCondition,
  isInto,
  isOrder,
  isStatement,
  isUnion,
  isUpdate,
  standsAlone,
} from './sql-clauses.js';
import { sqlTokensOf } from './sql-tokens.js';

/** Pieces between two that are looked for. */
const FILLING = (pieces: number) => 'x '.repeat(pieces);

describe.each<[string, typeof isUnion, string[], string[]]>([
  [
    'a union',
    isUnion,
    ['union select', 'union all select', 'union distinct select', 'union ((select 1'],
    ['', 'x select', 'union', 'union of', 'union all', 'union all of', 'select'],
  ],
  [
    'an order',
    isOrder,
    [
      'order by 9',
      'order by 9--',
      'order by 9#x',
      'order by 1,2',
      'group by x having',
      'group by concat(',
    ],
    ['order', 'order by', 'order x 9', 'order by 9 apples', 'order by name', 'group by x where'],
  ],
  [
    'a statement',
    isStatement,
    [
      'drop table',
      'insert into',
      'select a from b',
      'select sleep(5)',
      'exec(x)',
      'execute(x)',
      'exec xp_cmdshell',
      'declare @s',
      'update x set y=1',
      'shutdown',
      'shutdown--',
    ],
    [
      '',
      'drop',
      'drop--',
      'drop x',
      'drop x from y',
      'drop (x',
      'drop x@y',
      'lamp table',
      'select x',
      'exec x',
      'update x',
      'update table',
      'shutdown x',
    ],
  ],
  [
    'an update',
    isUpdate,
    ['update x set y=1', 'update x set y like'],
    ['update', 'update x set y', 'update x set y z', 'update x and y=1'],
  ],
  [
    'a file to be written',
    isInto,
    ['into outfile', 'into dumpfile'],
    ['into', 'in outfile', 'into table', 'into myoutfile', 'into outfiles'],
  ],
  [
    'a condition',
    isCondition,
    [
      '1=1',
      '-1=1',
      '((1=1',
      'not 1=1',
      'not(2>3',
      "'a'='a'",
      "'1%'='1",
      "''=''",
      '1<>2',
      '1 like 1',
      '1=sleep(5)',
      '1=@@version',
      'select x',
      'x(select',
      `${FILLING(11)}(select`,
      'substr(x',
      "x like 'a",
      "x='a",
      '1--',
      'true--',
      'false#',
      '1 union select',
      '1 order by 2',
      '1 procedure analyse',
    ],
    [
      '',
      'x',
      'x=',
      'x=5',
      "x y 'a",
      'x y select',
      `${FILLING(12)}(select`,
      '1',
      '1=',
      '1=x',
      '1#',
      '1-- x',
      '1 limit 1',
      '1 union of',
      '-',
      'not',
      "'a'",
      "'a'--",
      "'a' union select",
      "'=1",
      "'a b=1",
      "'a b",
      ";'=1",
      ';=1',
      'true',
      'true x',
      'false=',
    ],
  ],
  [
    'a call',
    isCall,
    ['sleep(5)', '((sleep(5', 'ascii(x', '(select x', 'dbms_pipe.receive_message'],
    ['', 'select', 'select x', '(x', 'sleep', 'sleepy(5', 'x(', 'dbms_pipe(', 'ascii x'],
  ],
])('%s', (_, isOne, taken, passed) => {
  it.each(taken)('is %s', (text) => {
    expect(isOne(sqlTokensOf(text), 0)).toBe(true);
  });

  it.each(passed)('is not %j', (text) => {
    expect(isOne(sqlTokensOf(text), 0)).toBe(false);
  });
});

describe('without a break', () => {
  it.each([
    'union select 1,2',
    'union all select null,null',
    'union select @@version',
    'union select (concat(x',
    'union select 1 from',
    'union select 1',
    'union select x from y',
    "waitfor delay '0",
    'select sleep(5)',
    'select x from information_schema',
    'select if(x,sleep(5))',
    'xor(sleep(5))',
    'if(now()=sysdate(),sleep(5))',
    `if(now(${FILLING(43)}sleep(5)`,
    `select ${FILLING(46)}information_schema`,
    'declare @s exec',
    'cast(0x44',
    'ascii(substring(x',
    'ord(mid(x',
  ])('a query is seen in %s', (text) => {
    expect(standsAlone(sqlTokensOf(text), 0)).toBe(true);
  });

  it.each([
    '',
    'x y',
    'union',
    'union of 1',
    'union select',
    'union select x',
    'union select x,y',
    'union select 1 x',
    'waitfor delay',
    'waitfor delay 5',
    "waitfor x '0",
    'select x',
    'select sleep',
    'select x(5)',
    'select x,sleep(5)',
    'select if(x)',
    'select x if(y)',
    'if(now(),1)',
    'if(x,sleep(5))',
    'if x now,sleep(5)',
    `if(now(${FILLING(44)}sleep(5)`,
    `select ${FILLING(47)}information_schema`,
    'declare x exec',
    'declare @s',
    'cast(x',
    'cast x 0x44',
    'ascii(x',
    'ascii(unsubstr',
    'ascii x substr',
  ])('none is seen in %j', (text) => {
    expect(standsAlone(sqlTokensOf(text), 0)).toBe(false);
  });

  it.each([
    ['select union select 1,2', true],
    ['from union select x', false],
  ])('what stands before it says nothing: %s', (text, isSeen) => {
    expect(standsAlone(sqlTokensOf(text), 1)).toBe(isSeen);
  });
});
