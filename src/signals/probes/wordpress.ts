import { anywhere, anywhereButAssets, type ProbeEntry, spared } from './probe-entry.js';

/** Parts of WordPress, which is guessed at and broken into more than anything else; an app on Node has none of them. */
export const WORDPRESS: readonly ProbeEntry[] = [
  anywhere('wp-login.php', 'the login, to guess passwords at'),
  spared(
    'wp-admin/admin-ajax.php',
    "called by the pages themselves, of a site's former self too; WordPress' robots.txt sends crawlers there",
  ),
  anywhere(
    'wp-admin',
    'the administration; its ajax handlers are where holes of plugins are called',
  ),
  anywhere(
    'xmlrpc.php',
    'guesses hundreds of passwords in one request, and calls other sites (pingback)',
  ),
  anywhereButAssets('wp-includes', "the core's own files; which there are tells the version"),
  anywhereButAssets(
    'wp-content/plugins',
    'which plugins there are, and at what version: most holes are theirs',
  ),
  anywhereButAssets(
    'wp-content/themes',
    'which theme there is, and its scripts, where back doors are put',
  ),
  anywhere('wp-content/mu-plugins', 'plugins that are always on: where back doors are put'),
  anywhere('wp-content/upgrade', 'left behind by updates: where back doors are put'),
  anywhere('wlwmanifest.xml', 'an old file that every WordPress has: tells that it is one'),
  anywhere('wp-json/wp/v2/users', 'names of users, to guess passwords of'),
  anywhere('wp-json/batch/v1', 'many calls in one request, around the limits'),
  anywhere('wp-cron.php', 'starts work on every request: to overload a site'),
  anywhere('wp-signup.php', 'registers users'),
  anywhere('wp-register.php', 'registered users, in old versions'),
  anywhere('wp-activate.php', 'activates users who have registered'),
  anywhere('wp-comments-post.php', 'takes comments: for spam'),
  anywhere('wp-trackback.php', 'takes trackbacks: for spam'),
  anywhere('wp-mail.php', 'posts by mail: reads a mailbox on request'),
  anywhere(
    'wp-load.php',
    'loads all of WordPress: tells that it is one, and is a name that back doors take',
  ),
  anywhere('wp-settings.php', 'its error message gives away the path'),
  anywhere(
    'wp-blog-header.php',
    'its error message gives away the path, and back doors take its name',
  ),
  anywhere('wp-links-opml.php', 'tells the version'),
];
