import { type SqlToken, skipComparison, skipSigns, textAt } from './sql-tokens.js';

/** Functions that wait, by which a question is answered that nothing is shown of. */
const DELAYS = new Set(['sleep', 'pg_sleep', 'benchmark', 'randomblob']);
/** Functions that take a text apart, put it into an error message, or say where one is. */
const PROBING = new Set(
  (
    'ascii substr substring mid ord length exists if iif elt make_set char chr char_length convert cast extractvalue ' +
    'updatexml load_file row count concat concat_ws group_concat hex unhex lpad rpad version user database schema ' +
    'current_user system_user session_user db_name user_name name_const floor rand'
  ).split(' '),
);
/** Packages of Oracle that wait, or ask another host. */
const PACKAGES = new Set(['dbms_pipe', 'dbms_lock', 'utl_inaddr', 'utl_http', 'ctxsys']);
/** What a second statement begins with. */
const STATEMENTS = new Set(
  'select drop exec execute insert update delete declare shutdown waitfor create alter truncate begin call copy'.split(
    ' ',
  ),
);
/** What such a statement goes on with. */
const OBJECTS = new Set(
  'table database user from into master sp_executesql delay procedure function'.split(' '),
);
/** What a list of rows is grouped, sorted or cut by. */
const LAST_CLAUSES = new Set(['group', 'order', 'limit', 'union', 'procedure']);

/** How far a clause is followed. */
const NEAR = 12;
const FAR = 48;

/** `union select`, `union all select`, `union ((select`. */
export function isUnion(tokens: readonly SqlToken[], at: number): boolean {
  if (textAt(tokens, at) !== 'union') return false;
  let i = at + 1;
  if (['all', 'distinct', 'distinctrow'].includes(textAt(tokens, i))) i++;
  return textAt(tokens, skipSigns(tokens, i, '(')) === 'select';
}

/** `order by 9`, at the end or before a comment; `group by x having`, `group by concat(`. */
export function isOrder(tokens: readonly SqlToken[], at: number): boolean {
  if (textAt(tokens, at + 1) !== 'by') return false;
  if (textAt(tokens, at + 3) === 'having' || isCall(tokens, at + 2)) return true;
  if (tokens[at + 2]?.kind !== 'number') return false;
  const after = tokens[at + 3];
  return after === undefined || after.kind === 'comment' || after.text === ',';
}

/** `; drop table`, `; exec master..`, `; waitfor delay '`: a statement that goes on as one. */
export function isStatement(tokens: readonly SqlToken[], at: number): boolean {
  const verb = textAt(tokens, at);
  if (!STATEMENTS.has(verb)) return false;
  const next = tokens[at + 1];
  if (next === undefined || next.kind === 'comment') return verb === 'shutdown';
  if (verb === 'select' && hasWord(tokens, at, FAR, 'from')) return true;
  if (verb.startsWith('exec') && next.text === '(') return true;
  if (verb === 'update') return isUpdate(tokens, at);
  return OBJECTS.has(next.text) || /^(?:@|xp_)/.test(next.text) || isCall(tokens, at + 1);
}

/** `update x set y =`. */
export function isUpdate(tokens: readonly SqlToken[], at: number): boolean {
  return textAt(tokens, at + 2) === 'set' && tokens[at + 4]?.kind === 'compare';
}

/** `into outfile '`, by which a database writes a file. */
export function isInto(tokens: readonly SqlToken[], at: number): boolean {
  return textAt(tokens, at) === 'into' && /^(?:out|dump)file$/.test(textAt(tokens, at + 1));
}

/** A condition of constants, one with a subquery, or a function that only a prober calls. */
export function isCondition(tokens: readonly SqlToken[], at: number): boolean {
  let start = skipSigns(tokens, at, '(');
  if (textAt(tokens, start) === 'not') start = skipSigns(tokens, start + 1, '(');
  const first = textAt(tokens, start);
  if (first === 'select' || isCall(tokens, start) || hasSubquery(tokens, at)) return true;
  const next = tokens[start + 1];
  if (first === 'true' || first === 'false') return next?.kind === 'comment';
  if (tokens[start]?.kind === 'word') {
    return next?.kind === 'compare' && tokens[start + 2]?.kind === 'quote';
  }
  const end = constantAt(tokens, start);
  const behind = tokens[end];
  if (behind === undefined) return false;
  const isNumber = tokens[end - 1]!.kind === 'number';
  // A number that stands for itself, with the rest cut off: `' or 1--`.
  if (behind.kind === 'comment') return isNumber && behind.text === '--';
  if (LAST_CLAUSES.has(behind.text)) return isNumber && isLastClause(tokens, end);
  return behind.kind === 'compare' && isOperand(tokens, skipComparison(tokens, end));
}

function isLastClause(tokens: readonly SqlToken[], at: number): boolean {
  return isUnion(tokens, at) || isOrder(tokens, at) || textAt(tokens, at) === 'procedure';
}

function isOperand(tokens: readonly SqlToken[], at: number): boolean {
  return constantAt(tokens, at) >= 0 || isCall(tokens, at) || textAt(tokens, at).startsWith('@@');
}

/** `(select` among the next pieces. */
function hasSubquery(tokens: readonly SqlToken[], at: number): boolean {
  for (let i = at; i < at + NEAR; i++) {
    if (textAt(tokens, i) === '(' && textAt(tokens, i + 1) === 'select') return true;
  }
  return false;
}

/** The place behind a constant: a number, a text in quotes, or one whose last quote is left to the query; -1. */
function constantAt(tokens: readonly SqlToken[], at: number): number {
  const start = textAt(tokens, at) === '-' ? at + 1 : at;
  const token = tokens[start];
  if (token?.kind === 'number') return start + 1;
  if (token?.kind !== 'quote') return -1;
  // `'1%'='1`, behind `like '%`.
  const inner = tokens[start + 1]?.kind;
  const hasValue = inner === 'word' || inner === 'number';
  const close = skipSigns(tokens, hasValue ? start + 2 : start + 1, '%');
  return close >= tokens.length || tokens[close]!.kind === 'quote' ? close + 1 : -1;
}

/** A function that waits or takes apart, called with something, or a subquery in parentheses. */
export function isCall(tokens: readonly SqlToken[], at: number): boolean {
  const start = skipSigns(tokens, at, '(');
  const name = textAt(tokens, start);
  if (start > at && name === 'select') return true;
  if (PACKAGES.has(name)) return textAt(tokens, start + 1) === '.';
  return (DELAYS.has(name) || PROBING.has(name)) && textAt(tokens, start + 1) === '(';
}

/** What no text has that is not meant for a database, wherever it stands; prose apart. */
export function standsAlone(tokens: readonly SqlToken[], at: number): boolean {
  switch (textAt(tokens, at)) {
    case 'union':
      return (
        isUnion(tokens, at) && (isConstantList(tokens, at) || hasWord(tokens, at, FAR, 'from'))
      );
    case 'waitfor':
      return textAt(tokens, at + 1) === 'delay' && tokens[at + 2]?.kind === 'quote';
    case 'select':
    case 'xor': {
      const call = skipSigns(tokens, at + 1, '(');
      if (isDelay(tokens, call) || hasWord(tokens, at, FAR, 'information_schema')) return true;
      return textAt(tokens, call) === 'if' && hasDelay(tokens, call);
    }
    case 'if':
      return textAt(tokens, at + 1) === '(' && isNow(tokens, at + 2) && hasDelay(tokens, at);
    case 'declare':
      return textAt(tokens, at + 1).startsWith('@') && hasWord(tokens, at, FAR, 'exec');
    case 'cast':
      return textAt(tokens, at + 1) === '(' && textAt(tokens, at + 2).startsWith('0x');
    case 'ascii':
    case 'ord':
      return textAt(tokens, at + 1) === '(' && /^(?:substr|mid)/.test(textAt(tokens, at + 2));
    default:
      return false;
  }
}

/** A list of constants behind `select`: `1,2,3`, `null,null`, `@@version`, `concat(`. */
function isConstantList(tokens: readonly SqlToken[], at: number): boolean {
  let i = at + 1;
  while (textAt(tokens, i) !== 'select') i++;
  const start = skipSigns(tokens, i + 1, '(');
  const first = tokens[start];
  if (first === undefined) return false;
  if (first.text.startsWith('@@')) return true;
  const isConstant = first.kind === 'number' || first.text === 'null' || PROBING.has(first.text);
  return isConstant && [',', '(', ')', 'from', ''].includes(textAt(tokens, start + 1));
}

function isDelay(tokens: readonly SqlToken[], at: number): boolean {
  return DELAYS.has(textAt(tokens, at)) && textAt(tokens, at + 1) === '(';
}

/** A delay among the next pieces. */
function hasDelay(tokens: readonly SqlToken[], at: number): boolean {
  for (let i = at; i < at + FAR; i++) if (isDelay(tokens, i)) return true;
  return false;
}

function isNow(tokens: readonly SqlToken[], at: number): boolean {
  return ['now', 'sysdate', 'current_timestamp'].includes(textAt(tokens, at));
}

/** A word among the next pieces. */
function hasWord(tokens: readonly SqlToken[], at: number, reach: number, word: string): boolean {
  for (let i = at + 1; i < at + reach; i++) {
    if (textAt(tokens, i) === word) return true;
  }
  return false;
}
