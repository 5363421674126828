// Compiles the benchmarks and runs those that are named, or all: npm run bench -- prefix-set
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
// Inside the checkout, so that packages are found from there.
const out = `${checkout}.bench`;
const all = readdirSync(`${checkout}bench`)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !name.endsWith('-twin'));
const [first, ...rest] = process.argv.slice(2);
const names = first === undefined ? all : [first];

for (const name of names) {
  if (!all.includes(name)) {
    process.stderr.write(`There is no benchmark "${name}". There are: ${all.join(', ')}.\n`);
    process.exit(2);
  }
}
rmSync(out, { recursive: true, force: true });
// What a boot takes is that of the package, which is one file.
if (names.includes('boot')) {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: checkout, stdio: 'inherit' });
}
try {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.bench.json', '--outDir', out], {
    cwd: checkout,
    stdio: 'inherit',
  });
  // Programs of their own, in ECMAScript modules, on a library that is not.
  copyFileSync(`${checkout}bench/package.json`, `${out}/bench/package.json`);
  for (const name of names) {
    process.stdout.write(`\n== ${name}\n`);
    execFileSync(process.execPath, ['--expose-gc', `${out}/bench/${name}.js`, ...rest], {
      cwd: checkout,
      stdio: 'inherit',
    });
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
