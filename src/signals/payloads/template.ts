import { hasAny, isDigit, skipSpaces } from './payload-text.js';

const ASTERISK = 42;
const QUOTES = new Set([34, 39]);

/** How templates and expression languages mark what is to be evaluated. */
const OPENERS = ['${', '#{', '%{', '*{', '@{', '{{', '<%', '{%', '@('];

/** What only someone who wants to break out of a template writes into one. */
const ESCAPES = [
  '__class__',
  '__globals__',
  '__import__',
  '__subclasses__',
  '__builtins__',
  '__mro__',
  'getclass(',
  'getclass.',
  'getruntime',
  '.forname(',
  'java.lang.',
  'javax.script',
  'processbuilder',
  '#_memberaccess',
  '#context[',
  '@ognl.',
  'ognl.ognlcontext',
  'freemarker.template.utility',
  'constructor.constructor',
  "['constructor']",
  'child_process',
  'process.mainmodule',
  'registerundefinedfiltercallback',
  'lipsum.__',
  'cycler.__',
  'popen(',
  'passthru(',
  'shell_exec(',
];

/**
 * What needs nothing more: OGNL's calls of static methods, the way of Spring4Shell into the class loader, and the lookups
 * of Commons Text that run or fetch (CVE-2022-42889).
 */
const NAKED = [
  '@java.lang.runtime@',
  'class.module.classloader',
  'class.classloader',
  '${script:',
  '${dns:',
  '${url:utf-8:',
];

/**
 * Whether a decoded text in lower case has code for a template or an expression language to evaluate, or for a binder of
 * parameters (CVE-2022-22965).
 *
 * Takes: a multiplication of two numbers between the marks of a template (`{{7*7}}`, `${7*'7'}`), which is how it is
 * found out whether anything evaluates; and what reaches for classes, runtimes or processes between such marks. Lets
 * pass: placeholders that were never filled in (`{{campaign.name}}`, `${clickid}`, `<%= url %>`), templates that people
 * ask about (`{{ user.name | upper }}`, `${process.env.HOME}`), and LaTeX.
 */
export function hasTemplate(text: string): boolean {
  if (hasAny(text, NAKED)) return true;
  let first = -1;
  for (const opener of OPENERS) {
    const at = text.indexOf(opener);
    if (at >= 0 && (first < 0 || at < first)) first = at;
    for (let i = at; i >= 0; i = text.indexOf(opener, i + 1)) {
      if (isMultiplication(text, i + opener.length)) return true;
    }
  }
  return first >= 0 && hasAny(text, ESCAPES, first);
}

/** Whether the text at `at` is one number times another, and nothing else up to the closing mark. */
function isMultiplication(text: string, at: number): boolean {
  let i = skipSpaces(text, at);
  if (text.charCodeAt(i) === 61) i = skipSpaces(text, i + 1);
  i = skipSpaces(text, skipNumber(text, i));
  if (text.charCodeAt(i) !== ASTERISK) return false;
  i = skipNumber(text, skipSpaces(text, i + 1));
  if (i < 0) return false;
  i = skipSpaces(text, i);
  return ['}', '%>', ')'].some((closer) => text.startsWith(closer, i));
}

/** The place behind a number of up to ten digits, be it in quotes; -1 where there is none. */
function skipNumber(text: string, at: number): number {
  let i = QUOTES.has(text.charCodeAt(at)) ? at + 1 : at;
  const start = i;
  while (i - start < 10 && isDigit(text.charCodeAt(i))) i++;
  if (i === start) return -1;
  return QUOTES.has(text.charCodeAt(i)) ? i + 1 : i;
}
