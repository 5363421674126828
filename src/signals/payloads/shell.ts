import { COMMANDS, isArgument } from './shell-commands.js';
import { hasAny, isSpace, isWordChar, type PayloadPlace } from './payload-text.js';

const SEMICOLON = 59;
const PIPE = 124;
const AMPERSAND = 38;
const BACKTICK = 96;
const DOLLAR = 36;
const PARENTHESIS = 40;
const LF = 10;
const SLASH = 47;

/** The field separator of a shell, by which a command does without spaces. */
const IFS = ['${ifs}', '$ifs'];

/** Settings by which PHP runs what comes with the request (CVE-2012-1823, CVE-2024-4577). */
const PHP_SETTINGS = ['allow_url_include', 'auto_prepend_file'];

/** How ThinkPHP was made to call any function (CVE-2018-20062), behind `\think\`. */
const THINKPHP = ['/invokefunction', '/display', '/write', '/input', '/index'];

/** What a script for PHP begins with that was brought along to run. */
const PHP_CALLS = [
  'system(',
  'exec(',
  'passthru(',
  'popen(',
  'eval(',
  'assert(',
  'phpinfo(',
  'md5(',
  'base64_decode(',
  'file_put_contents(',
  '$_get[',
  '$_post[',
  '$_request[',
  'die(',
];

/**
 * Whether a decoded text in lower case has a command for a shell, or code for PHP.
 *
 * Takes: a command of a list with the arguments that make it one, behind what ends a command before it (`;wget http://`,
 * `|cat /etc/`, `&&whoami`, `$(curl -s`, a backtick, a line break), or at the beginning where the parameter is named like
 * a command; a word that `${IFS}` joins; a function for Bash at the beginning (Shellshock, CVE-2014-6271); PHP that calls
 * something, and the settings by which PHP would run it. Lets pass: matrix parameters (`/a;id=5`), lists (`cat|dog`),
 * sentences (`wait; then sleep`), jQuery's `$(...)`, code in backticks, and a bare `;id` or `` `ls` ``, which people write
 * as well.
 */
export function hasShell(text: string, place: PayloadPlace): boolean {
  if (place === 'command' && commandAt(text, 0)) return true;
  if (isShellshock(text)) return true;
  if (IFS.some((separator) => joinsWords(text, separator))) return true;
  if (text.includes('<') && isBroughtCode(text, place)) return true;
  if (place !== 'prose' && isPhpSetting(text)) return true;
  if (text.includes('\\think\\') && hasAny(text, THINKPHP)) return true;
  return hasCommand(text, place);
}

/**
 * A command behind anything that ends the one before it. What people type may be a whole line of commands
 * (`curl x | bash -s`): there only what stands before the first white space can break out. User agents are lists with
 * semicolons.
 */
function hasCommand(text: string, place: PayloadPlace): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (place === 'prose' && isSpace(c)) return false;
    const next = text.charCodeAt(i + 1);
    const isEnd =
      c === PIPE || c === BACKTICK || c === LF || (c === SEMICOLON && place !== 'header');
    if (isEnd && commandAt(text, i + 1)) return true;
    const isPair =
      (c === AMPERSAND && next === AMPERSAND) || (c === DOLLAR && next === PARENTHESIS);
    if (isPair && commandAt(text, i + 2)) return true;
  }
  return false;
}

/** Whether a command of the list begins at `at`, behind white space and the folder of programs. */
function commandAt(text: string, at: number): boolean {
  let start = at;
  // White space that is longer was not typed, and need not be read again for each separator in front of it.
  while (start - at < 16 && isSpace(text.charCodeAt(start))) start++;
  for (const folder of ['/usr/bin/', '/bin/']) {
    if (text.startsWith(folder, start)) start += folder.length;
  }
  let end = start;
  while (end - start < 16 && isWordChar(text.charCodeAt(end))) end++;
  const wanted = COMMANDS.get(text.slice(start, end));
  return wanted !== undefined && isArgument(text, end, wanted);
}

function isShellshock(text: string): boolean {
  const at = text.startsWith('() {') ? 4 : text.startsWith('(){') ? 3 : -1;
  return at > 0 && text.includes(';', at) && text.includes('}', at);
}

/** `cat${ifs}/etc`: on both sides of the separator a command goes on. */
function joinsWords(text: string, separator: string): boolean {
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
    const before = text.charCodeAt(at - 1);
    const after = text.charCodeAt(at + separator.length);
    const goesOn = isWordChar(after) || after === SLASH || after === DOLLAR || after === 45;
    if (isWordChar(before) && goesOn) return true;
  }
  return false;
}

function isBroughtCode(text: string, place: PayloadPlace): boolean {
  if (text.includes('<!--#exec')) return true;
  const at = text.indexOf('<?');
  return place !== 'prose' && at >= 0 && hasAny(text, PHP_CALLS, at);
}

function isPhpSetting(text: string): boolean {
  return hasAny(text, PHP_SETTINGS) && (text.includes('-d') || text.includes('='));
}
