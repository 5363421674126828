import { isSuccess } from './own-path.js';
import { fold } from './marks.js';

/** What a page is drawn with, by the end of its name. */
const EXTENSIONS = new Set(
  (
    'css js mjs map wasm png jpg jpeg gif webp avif svg ico bmp woff woff2 ttf otf eot ' +
    'mp3 mp4 m4a m4v ogg webm wav vtt webmanifest'
  ).split(' '),
);
const LONGEST = 11;

/** The ending of a path's last segment in lower case, without its dot; empty where there is none that matters here. */
export function endingOf(target: string, lastDot: number, end: number): string {
  const length = end - lastDot - 1;
  if (lastDot < 0 || length < 2 || length > LONGEST) return '';
  return fold(target.slice(lastDot + 1, end));
}

/** Whether a style, script, image, font, sound or film ends so. */
export function isAssetEnding(ending: string): boolean {
  return EXTENSIONS.has(ending);
}

/** Whether an answer's type is a page's, or unknown. */
export function mayBePage(responseType: string | null): boolean {
  return responseType === null || isHtml(responseType);
}

/** Whether an answer's type is a page's. */
export function isHtml(responseType: string): boolean {
  const type = typeOf(responseType);
  return type.startsWith('text/html') || type.startsWith('application/xhtml');
}

/** Whether an answer's type is what a page is drawn with. */
function isAssetType(responseType: string): boolean {
  const type = typeOf(responseType);
  // By its first letter: most answers are JSON or pages, and done with by it or the next comparison.
  switch (type.charCodeAt(0)) {
    case 97:
      return type.startsWith('audio/') || type.startsWith('application/javascript');
    case 102:
      return type.startsWith('font/');
    case 105:
      return type.startsWith('image/');
    case 116:
      return type.startsWith('text/css') || type.startsWith('text/javascript');
    case 118:
      return type.startsWith('video/');
    default:
      return false;
  }
}

/** In lower case: types are the same in whatever case they are written (RFC 9110 section 8.3.1). */
function typeOf(responseType: string): string {
  return responseType.trimStart().toLowerCase();
}

/** Whether a page's style, script, image, font, sound or film was served; a page that stands for everything is none. */
export function isServedAsset(
  method: string,
  status: number,
  responseType: string | null,
  hasEnding: boolean,
): boolean {
  if (!isSuccess(status) || (method !== 'GET' && method !== 'HEAD')) return false;
  if (responseType === null) return hasEnding;
  // An app that answers everything alike does so with a page or with JSON.
  if (hasEnding) return !isHtml(responseType) && !responseType.startsWith('application/json');
  return isAssetType(responseType);
}
