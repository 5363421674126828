import { IpTrackingError } from '../ip-tracking.errors.js';
import { didYouMean } from './did-you-mean.js';

/** What an option may be: a check that throws, or a nested table of them. */
export type Check = (path: string, value: unknown) => void;

/** @throws IpTrackingError `IPT_INVALID_OPTION`: the option, the value that was given, and what to give instead. */
export function invalid(path: string, value: unknown, wanted: string): never {
  throw new IpTrackingError('IPT_INVALID_OPTION', `${path} is ${show(value)}: ${wanted}.`);
}

/** A value as it is shown in an error: short, quoted, and never a whole object. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}...` : value);
  }
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  return (path, value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return;
    const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
    invalid(path, value, `give a whole number ${range}`);
  };
}

/** A number from 0 to 1, both included. */
export const share: Check = (path, value) => {
  if (typeof value === 'number' && value >= 0 && value <= 1) return;
  invalid(path, value, 'give a number from 0 to 1, such as 0.1 for a tenth');
};

/** `true` or `false`. */
export const flag: Check = (path, value) => {
  if (typeof value !== 'boolean') invalid(path, value, 'give true or false');
};

/** Text of at most so many characters that PostgreSQL can store: no NUL, and no half of a character. */
export function plainText(maxLength: number): Check {
  return (path, value) => {
    if (typeof value !== 'string') invalid(path, value, 'give a text');
    const text = value;
    if (text.includes('\0') || !text.isWellFormed()) {
      invalid(path, text, 'leave out NUL and halves of surrogate pairs, which cannot be stored');
    }
    // Never fewer UTF-16 units than characters, so most texts need not be counted.
    if (text.length > maxLength && [...text].length > maxLength) {
      invalid(path, text, `give ${maxLength.toLocaleString('en')} characters at most`);
    }
  };
}

/** A function. */
export const callable: Check = (path, value) => {
  if (typeof value !== 'function') invalid(path, value, 'give a function');
};

/** An object that has these methods. */
export function withMethods(what: string, ...methods: string[]): Check {
  return (path, value) => {
    const object = value as Record<string, unknown> | null;
    const hasAll =
      typeof object === 'object' &&
      object !== null &&
      methods.every((method) => typeof object[method] === 'function');
    if (!hasAll) invalid(path, value, `give ${what}, which has ${methods.join(', ')}`);
  };
}

/** One of these words. */
export function oneOf(...words: string[]): Check {
  return (path, value) => {
    if (typeof value === 'string' && words.includes(value)) return;
    const near = typeof value === 'string' ? didYouMean(value, words) : undefined;
    const list = words.map((word) => `"${word}"`).join(' or ');
    invalid(
      path,
      value,
      near === undefined ? `give ${list}` : `did you mean "${near}"? Give ${list}`,
    );
  };
}

/** A list of paths, each of which begins with a slash. */
export const pathList: Check = (path, value) => {
  if (!Array.isArray(value)) invalid(path, value, "give a list of paths, such as ['/admin']");
  for (const [index, entry] of (value as unknown[]).entries()) {
    if (typeof entry !== 'string' || !/^\/[^?#]+$/.test(entry)) {
      invalid(
        `${path}[${index}]`,
        entry,
        'give a path that begins with a slash and has no query string, such as "/admin"',
      );
    }
  }
};

/** Checks an object's values by name, and that it has no other names. `undefined` is as good as absent. */
export function checkObject(path: string, value: unknown, checks: Record<string, Check>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    invalid(path === '' ? 'the configuration' : path, value, 'give an object');
  }
  const names = Object.keys(checks);
  for (const [name, entry] of Object.entries(value)) {
    const fullName = path === '' ? name : `${path}.${name}`;
    const check = names.includes(name) ? checks[name] : undefined;
    if (check === undefined) {
      const near = didYouMean(name, names);
      throw new IpTrackingError(
        'IPT_UNKNOWN_OPTION',
        `${fullName} is not an option. ` +
          (near === undefined
            ? `There are: ${names.join(', ')}.`
            : `Did you mean ${path === '' ? near : `${path}.${near}`}?`),
      );
    }
    if (entry !== undefined) check(fullName, entry);
  }
}

/** A part of the module: `false` to switch it off, or an object of its options. */
export function part(checks: Record<string, Check>): Check {
  return (path, value) => {
    if (value !== false) checkObject(path, value, checks);
  };
}
