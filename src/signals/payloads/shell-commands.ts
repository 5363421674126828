import { isDigit, isSpace, isWordChar } from './payload-text.js';

/** What has to follow a command's name for it to be one, and no word of a sentence or list. */
export type Argument =
  /** Nothing, or what ends a command: the name is no word. */
  | 'none'
  /** An option: `-c`. */
  | 'option'
  /** Rights of a file: `777`, `+x`. */
  | 'mode'
  /** A path from the root, a drive, or an option. */
  | 'path'
  /** An address: `http://`, four numbers, or an option. */
  | 'address'
  /** A number that ends the command. */
  | 'number'
  /** Any word. */
  | 'word';

/** Commands that are run to get something onto a machine, out of it, or to see that anything runs. */
export const COMMANDS: ReadonlyMap<string, Argument> = new Map<string, Argument>([
  ['wget', 'address'],
  ['curl', 'address'],
  ['fetch', 'address'],
  ['tftp', 'address'],
  ['ftpget', 'address'],
  ['ftp', 'address'],
  ['nc', 'address'],
  ['ncat', 'address'],
  ['telnet', 'address'],
  ['nslookup', 'word'],
  ['ping', 'option'],
  ['busybox', 'word'],
  ['bash', 'option'],
  ['sh', 'path'],
  ['zsh', 'option'],
  ['ksh', 'option'],
  ['python', 'option'],
  ['python2', 'option'],
  ['python3', 'option'],
  ['perl', 'option'],
  ['php', 'option'],
  ['ruby', 'option'],
  ['powershell', 'option'],
  ['cmd', 'path'],
  ['certutil', 'option'],
  ['mshta', 'address'],
  ['rm', 'option'],
  ['cd', 'path'],
  ['cat', 'path'],
  ['tac', 'path'],
  ['head', 'path'],
  ['tail', 'path'],
  ['more', 'path'],
  ['less', 'path'],
  ['ls', 'path'],
  ['dir', 'path'],
  ['type', 'path'],
  ['touch', 'path'],
  ['chmod', 'mode'],
  ['kill', 'option'],
  ['killall', 'option'],
  ['uname', 'option'],
  ['whoami', 'none'],
  ['ifconfig', 'none'],
  ['ipconfig', 'none'],
  ['sleep', 'number'],
]);

const MINUS = 45;
const SLASH = 47;
const COLON = 58;

/** Whether what stands behind a command's name, at `at`, is an argument of that kind. */
export function isArgument(text: string, at: number, wanted: Argument): boolean {
  if (wanted === 'none') return endsCommand(text, at);
  const start = argumentAt(text, at);
  if (start < 0) return false;
  const c = text.charCodeAt(start);
  switch (wanted) {
    case 'option':
      return isOption(text, start);
    case 'mode':
      return isMode(text, start);
    case 'path':
      return isOption(text, start) || isPath(text, start);
    case 'address':
      return isOption(text, start) || isAddress(text, start);
    case 'number':
      return isDigit(c) && endsCommand(text, skipDigits(text, start));
    case 'word':
      return isWordChar(c) || isOption(text, start);
  }
}

/** Where a command's argument begins: behind white space or the shell's own separator; -1 without either. */
function argumentAt(text: string, at: number): number {
  let i = at;
  for (;;) {
    if (i - at < 16 && isSpace(text.charCodeAt(i))) i++;
    else if (text.startsWith('${ifs}', i)) i += 6;
    else if (text.startsWith('$ifs', i)) i += 4;
    else break;
  }
  return i === at ? -1 : i;
}

function isOption(text: string, at: number): boolean {
  return text.charCodeAt(at) === MINUS && isWordChar(text.charCodeAt(at + 1));
}

/** What `chmod` is given: `777`, `+x`, whose plus sign has been skipped as the space that it may have been. */
function isMode(text: string, at: number): boolean {
  const end = skipDigits(text, at);
  return end - at === 3 || end - at === 4 || 'ugoarwx'.includes(text.charAt(at) || ' ');
}

function isPath(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  return c === SLASH || (isWordChar(c) && text.charCodeAt(at + 1) === COLON);
}

function isAddress(text: string, at: number): boolean {
  if (text.startsWith('http', at) || text.startsWith('ftp', at)) return true;
  const end = skipDigits(text, at);
  return end > at && end - at <= 3 && text.charCodeAt(end) === 46;
}

function skipDigits(text: string, at: number): number {
  let i = at;
  while (i - at < 10 && isDigit(text.charCodeAt(i))) i++;
  return i;
}

/** Whether a command ends at `at`: with the text, or with what separates commands, closes or comments. */
function endsCommand(text: string, at: number): boolean {
  let i = at;
  while (i - at < 16 && isSpace(text.charCodeAt(i))) i++;
  return i >= text.length || ';|&)`#\'"'.includes(text[i]!);
}
