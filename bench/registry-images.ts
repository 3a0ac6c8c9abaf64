import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Bytes of an image's files. */
const baseSize = 180e6;
/** The shares of its layers, as in an image of Debian, packages, Node.js and an application. */
const shares = [0.42, 0.25, 0.06, 0.25, 0.02];
const largestFile = 400e3;

/**
 * Makes an image of 180 MB of this machine's files, unpacked, in five layers, packed by tar and gzip as Docker's are:
 * those of `/usr` below 400 kB, taken by the digest of their names, so that a machine always gives the same.
 */
export function makeBase(scratch: string, busybox: string): string {
  const found: { path: string; size: number; rank: string }[] = [];
  for (const root of ['/usr/share', '/usr/lib']) walk(root, found);
  found.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  let total = 0;
  const chosen = found.filter(({ size }) => {
    total += size;
    return total <= baseSize;
  });
  chosen.sort((a, b) => (a.path < b.path ? -1 : 1));
  const layers = shares.map((): string[] => []);
  let [layer, filled] = [0, 0];
  for (const { path, size } of chosen) {
    if (filled >= shares[layer]! * baseSize && layer < shares.length - 1) [layer, filled] = [layer + 1, 0];
    layers[layer]!.push(path);
    filled += size;
  }
  const tars = layers.map((paths, i) => {
    const file = join(scratch, `base-${i}.tar`);
    const list = join(scratch, 'list');
    writeFileSync(
      list,
      withParents(paths)
        .map(path => path.slice(1))
        .join('\n'),
    );
    execFileSync('tar', ['-cf', file, '-C', '/', '--no-recursion', '--sort=name', '-T', list]);
    if (i === 0) addProgram(scratch, file, busybox);
    return file;
  });
  return writeLayout(join(scratch, 'base'), tars, true);
}

/** Makes an image of many small layers. */
export function makeMany(scratch: string, count: number, busybox: string): string {
  const tars = Array.from({ length: count }, (_, i) => {
    const directory = join(scratch, `many/files/layer${i}`);
    mkdirSync(directory, { recursive: true });
    for (let n = 0; n < 20; n++) writeFileSync(join(directory, `file${n}`), randomBytes(50_000));
    const file = join(scratch, `many-${i}.tar`);
    execFileSync('tar', ['-cf', file, '-C', join(scratch, 'many/files'), `layer${i}`]);
    if (i === 0) addProgram(scratch, file, busybox);
    return file;
  });
  return writeLayout(join(scratch, 'many-layout'), tars, true);
}

/** Makes an image with one layer of 350 MB, one half random, one half hexadecimal text; packed and not. */
export function makeLarge(scratch: string): { plain: string; packed: string } {
  const directory = join(scratch, 'large-files');
  mkdirSync(directory);
  const random = randomBytes(175_000_000);
  writeFileSync(join(directory, 'random'), random);
  writeFileSync(join(directory, 'text'), random.subarray(0, 87_500_000).toString('hex'));
  const file = join(scratch, 'large.tar');
  execFileSync('tar', ['-cf', file, '-C', directory, '.']);
  const plain = writeLayout(join(scratch, 'large-plain'), [file], false);
  return { plain, packed: writeLayout(join(scratch, 'large-packed'), [file], true) };
}

/** Puts a program into a layer, for a step to run. */
function addProgram(scratch: string, tar: string, busybox: string): void {
  mkdirSync(join(scratch, 'busybox/bin'), { recursive: true });
  execFileSync('cp', [busybox, join(scratch, 'busybox/bin/busybox')]);
  execFileSync('tar', ['-rf', tar, '-C', join(scratch, 'busybox'), 'bin']);
}

function walk(directory: string, found: { path: string; size: number; rank: string }[]): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (path.includes('\n') || path.includes('\\')) continue;
    if (entry.isDirectory()) walk(path, found);
    else if (entry.isFile() || entry.isSymbolicLink()) {
      const { size } = lstatSync(path);
      if (size <= largestFile)
        found.push({ path, size, rank: createHash('sha256').update(path).digest('hex') });
    }
  }
}

/** The paths and the directories they lie in, each before what is in it. */
function withParents(paths: readonly string[]): string[] {
  const all = new Set<string>();
  for (const path of paths) {
    const parents: string[] = [];
    for (let at = dirname(path); at !== '/' && !all.has(at); at = dirname(at)) parents.push(at);
    for (const parent of parents.reverse()) all.add(parent);
    all.add(path);
  }
  return [...all];
}

/** An OCI layout of an image of these layers. */
function writeLayout(directory: string, tars: readonly string[], compress: boolean): string {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, document: object) => {
    const text = JSON.stringify(document);
    const hex = createHash('sha256').update(text).digest('hex');
    writeFileSync(join(blobs, hex), text);
    return { mediaType, digest: `sha256:${hex}`, size: text.length };
  };
  const layers = tars.map(tar => {
    const diffId = digestOf(tar);
    if (!compress) {
      execFileSync('cp', [tar, join(blobs, diffId)]);
      const mediaType = 'application/vnd.oci.image.layer.v1.tar';
      return { diffId, blob: { mediaType, digest: `sha256:${diffId}`, size: statSync(tar).size } };
    }
    execFileSync('gzip', ['-kn', tar]);
    const digest = digestOf(`${tar}.gz`);
    renameSync(`${tar}.gz`, join(blobs, digest));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    return {
      diffId,
      blob: { mediaType, digest: `sha256:${digest}`, size: statSync(join(blobs, digest)).size },
    };
  });
  const config = put('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/busybox'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => `sha256:${diffId}`) },
  });
  const manifest = put('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ blob }) => blob),
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  return directory;
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
