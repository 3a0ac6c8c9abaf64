// Bundles src/ into dist/: few files to open means a fast start. Types for the public API come from tsc.
//
// Someone may be running what is in dist/ (npx builds a checkout again when it first meets it), so every file goes to
// its place whole, by renaming: chunks first, as their names tell their content, then the programs that ask for them.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';

const fresh = `dist.${process.pid}`;
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }));

/**
 * The chunks that frequent commands start from: a module goes, with all that it imports statically, into the first of
 * these which names it. Left to itself the bundler makes one for each set of modules that something may load alone,
 * and a build would open a hundred. The rest, which is loaded where it is needed, is left to it.
 */
const chunks = {
  program: ['cli/program', 'cli/command'],
  store: ['api/images'],
  build: ['cli/commands/build'],
  // What a step that runs needs besides, and then the new image.
  step: ['source/image', 'sandbox/choose', 'sandbox/emulation'],
  image: ['snapshot/pack', 'content/compress', 'lint/image-warnings'],
};

const { output } = await build({
  input: {
    cli: 'src/cli/main.ts',
    index: 'src/index.ts',
    // A program of its own: the built-in sandbox starts it inside the new namespaces.
    'sandbox-init': 'src/sandbox/init/main.ts',
    // A thread that unpacks layers.
    'unpack-thread': 'src/source/unpack-thread.ts',
  },
  platform: 'node',
  external: ['koffi', 'openpgp'],
  transform: { target: 'node24' },
  output: {
    dir: fresh,
    format: 'esm',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: {
      groups: Object.entries(chunks).map(([name, modules]) => ({
        name,
        test: (id: string) => modules.some(module => id.endsWith(`/src/${module}.ts`)),
      })),
    },
    sourcemap: true,
    sourcemapExcludeSources: true,
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
  },
});

const files = output.map(({ fileName }) => fileName);
for (const file of files.sort((a, b) => Number(b.startsWith('chunks/')) - Number(a.startsWith('chunks/')))) {
  mkdirSync(join('dist', dirname(file)), { recursive: true });
  renameSync(join(fresh, file), join('dist', file));
}
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name).slice('dist/'.length);
  if (entry.isFile() && !files.includes(file)) rmSync(join('dist', file), { force: true });
}
