// Bundles src/ into dist/: few files to open means a fast start. Types for the public API come from tsc.
//
// Someone may be running what is in dist/ (npx builds a checkout again when it first meets it), so every file goes to
// its place whole, by renaming: chunks first, as their names tell their content, then the programs that ask for them.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const fresh = `dist.${process.pid}`;
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }));

await build({
  entryPoints: {
    cli: 'src/cli/main.ts',
    index: 'src/index.ts',
    // A program of its own: the built-in sandbox starts it inside the new namespaces.
    'sandbox-init': 'src/sandbox/init/main.ts',
  },
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: ['koffi', 'openpgp'],
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: 'linked',
  sourcesContent: false,
  minifySyntax: true,
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const files = readdirSync(fresh, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => join(entry.parentPath, entry.name).slice(fresh.length + 1));
for (const file of files.sort((a, b) => Number(b.startsWith('chunks/')) - Number(a.startsWith('chunks/')))) {
  mkdirSync(join('dist', dirname(file)), { recursive: true });
  renameSync(join(fresh, file), join('dist', file));
}
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name).slice('dist/'.length);
  if (entry.isFile() && !files.includes(file)) rmSync(join('dist', file), { force: true });
}
