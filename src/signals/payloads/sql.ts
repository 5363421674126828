import { isSpace, type PayloadPlace } from './payload-text.js';
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
import { type SqlToken, skipSigns, sqlTokensOf, textAt } from './sql-tokens.js';

/** What joins a condition of one's own to one that is there. */
const CONNECTORS = new Set(['or', 'and', 'xor', '||', '&&', 'having', 'where']);

/**
 * Whether a decoded text in lower case tries to change a database's query.
 *
 * A text can only do so where it breaks out of the value it is put into: behind a quote that has no partner before it, or
 * behind a number that it begins with. Takes, behind such a break: a condition of constants (`' or '1'='1`, `1 and 2=2`),
 * `union select`, another statement (`'; drop table`), a function that waits or takes apart, a subquery, counting columns
 * (`order by 9`), and a comment that cuts off the rest of a single word (`admin'--`). Without a break: `union select` with
 * a list of constants or a table, `waitfor delay '`, `select` of `sleep(` or from `information_schema`. Where people type,
 * only what stands behind a quote.
 * Lets pass: names with an apostrophe (`O'Reilly`, `coupe d'or 1998`), sentences with `select`, `union`, `or`, and query
 * languages that an app itself speaks: `where=1=1`, OData's `name eq 'a' or name eq 'b'`, JQL, SPARQL.
 */
export function hasSql(text: string, place: PayloadPlace): boolean {
  const tokens = sqlTokensOf(text);
  const isTyped = place === 'prose';
  let single = 0;
  let double = 0;
  for (let at = 0; at < tokens.length; at++) {
    const { kind, text: character } = tokens[at]!;
    if (kind === 'quote') {
      const before = character === "'" ? single++ : double++;
      if (before % 2 === 0 && (breaksOut(tokens, at + 1) || cutsOff(text, tokens, at))) return true;
    } else if (!isTyped) {
      if (isLeadingNumber(tokens, at, place) && breaksOut(tokens, at + 1)) return true;
      if (standsAlone(tokens, at)) return true;
    }
  }
  return false;
}

/** A number that a value or a path's segment begins with, be it negative: what an id is broken out of. */
function isLeadingNumber(tokens: readonly SqlToken[], at: number, place: PayloadPlace): boolean {
  if (tokens[at]!.kind !== 'number') return false;
  // Behind more than a sign and a parenthesis, nothing begins any more.
  let before = at - 1;
  while (before >= 0 && at - before < 3 && '-('.includes(tokens[before]!.text)) before--;
  return before < 0 || (place === 'path' && tokens[before]!.text === '/');
}

/** Whether what follows a break, at `at`, is a query's. */
function breaksOut(tokens: readonly SqlToken[], at: number): boolean {
  const start = skipSigns(tokens, at, ')');
  const word = textAt(tokens, start);
  switch (word) {
    case ';':
      return isStatement(tokens, start + 1);
    case 'union':
      return isUnion(tokens, start);
    case 'order':
    case 'group':
      return isOrder(tokens, start);
    case 'into':
      return isInto(tokens, start);
    case 'update':
      return isUpdate(tokens, start);
    case '+':
    case '-':
    case '*':
    case '/':
    case '|':
      return isCall(tokens, start + 1);
    default:
      return CONNECTORS.has(word) && isCondition(tokens, start + 1);
  }
}

/** `admin'--`: one word, a quote, and a comment with nothing in it. People write dashes behind quotes as well. */
function cutsOff(text: string, tokens: readonly SqlToken[], at: number): boolean {
  if (at === 0) return false;
  const behind = tokens[skipSigns(tokens, at + 1, ')')];
  if (behind?.kind !== 'comment' || !['--', '#', '/*'].includes(behind.text)) return false;
  for (let i = 0; i < tokens[at]!.at; i++) if (isSpace(text.charCodeAt(i))) return false;
  return true;
}
