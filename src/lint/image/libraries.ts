import { closeSync } from 'node:fs';
import { posix } from 'node:path';
import { type Elf, readElf } from '../../files/elf.ts';
import { looking, readHead, readText } from '../../files/read.ts';
import type { FileTree } from '../../snapshot/types.ts';
import type { ByteString } from '../../util/bytes.ts';

/** An ELF file of an image. */
export interface Binary {
  /** Free of symlinks. */
  readonly path: ByteString;
  readonly elf: Elf;
}

/** A library that the loader would not find. */
export interface MissingLibrary {
  readonly name: string;
  /** What needs it. */
  readonly by: ByteString;
}

/** No program has that many; what is more is not looked at. */
const mostLibraries = 1000;

/** The ELF file at a path; nothing if there is none. */
export function openBinary(tree: FileTree, path: ByteString): Binary | undefined {
  return looking(() => {
    const place = tree.resolve(path);
    if (tree.lstat(place)?.type !== 'file') return undefined;
    const fd = tree.open(place);
    try {
      const elf = readElf(fd);
      return elf && { path: place, elf };
    } finally {
      closeSync(fd);
    }
  });
}

/**
 * The libraries that a program needs, itself or by way of others, and that its loader would not find: ld.so(8) for
 * glibc, and musl's simpler way. Empty if there is no loader, which is the greater trouble.
 * @param libraryPath directories of LD_LIBRARY_PATH
 */
export function missingLibraries(
  tree: FileTree,
  program: Binary,
  libraryPath: readonly ByteString[],
): MissingLibrary[] {
  const { interpreter } = program.elf;
  const loader = interpreter === undefined ? undefined : openBinary(tree, interpreter);
  if (interpreter === undefined || loader === undefined) return [];
  const isMusl = /ld-musl/.test(interpreter) || /musl/.test(posix.basename(loader.path));
  const system = isMusl ? muslDirectories(tree) : glibcDirectories(tree);
  const cache = isMusl ? undefined : readHead(tree, '/etc/ld.so.cache', 4 << 20);
  const missing: MissingLibrary[] = [];
  const loaded = new Set<string>([
    posix.basename(interpreter),
    posix.basename(loader.path),
    loader.elf.soname ?? '',
  ]);
  const open: { binary: Binary; inherited: readonly ByteString[] }[] = [{ binary: program, inherited: [] }];
  for (let next = open.shift(); next !== undefined && loaded.size < mostLibraries; next = open.shift()) {
    const { binary, inherited } = next;
    const { elf, path } = binary;
    const expand = (paths: readonly string[]) => paths.map(each => substitute(each, path));
    // RUNPATH is for the object's own libraries; RPATH, which it switches off, for all below.
    const rpath = elf.runpath.length > 0 ? [] : [...expand(elf.rpath), ...inherited];
    const directories = isMusl
      ? [...libraryPath, ...expand(elf.runpath), ...rpath, ...system]
      : [...rpath, ...libraryPath, ...expand(elf.runpath), ...system];
    for (const name of elf.needed) {
      if (loaded.has(name) || (isMusl && isPartOfMusl(name))) continue;
      loaded.add(name);
      const found = name.includes('/')
        ? fitting(tree, program, posix.resolve('/', name))
        : (findIn(tree, program, directories, name) ?? findInCache(tree, program, cache, name));
      if (found === undefined) missing.push({ name, by: path });
      else open.push({ binary: found, inherited: rpath });
    }
  }
  return missing;
}

function findIn(
  tree: FileTree,
  program: Binary,
  directories: readonly string[],
  name: string,
): Binary | undefined {
  for (const directory of directories) {
    const found = fitting(tree, program, posix.join(directory, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A library for other machines is passed over. */
function fitting(tree: FileTree, { elf }: Binary, path: ByteString): Binary | undefined {
  const found = openBinary(tree, path);
  return found?.elf.machine === elf.machine && found.elf.bits === elf.bits ? found : undefined;
}

/** What ldconfig noted of a library: the file holds the paths, each ended by a zero byte. */
function findInCache(
  tree: FileTree,
  program: Binary,
  cache: Buffer | undefined,
  name: string,
): Binary | undefined {
  const wanted = `/${name}\0`;
  for (
    let at = cache?.indexOf(wanted, 0, 'latin1') ?? -1;
    at >= 0;
    at = cache!.indexOf(wanted, at + 1, 'latin1')
  ) {
    const start = cache!.lastIndexOf(0, at) + 1;
    const path = cache!.toString('latin1', start, at + wanted.length - 1);
    const found = path.startsWith('/') ? fitting(tree, program, path) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `$ORIGIN` is the directory of the file that says so. `$LIB` is one of two names: both are in the usual places. */
function substitute(path: string, of: ByteString): ByteString {
  const origin = posix.dirname(of);
  return posix.resolve(
    '/',
    path.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, () => origin).replaceAll(/\$(?:LIB|\{LIB\})/g, 'lib'),
  );
}

/** Triplets of Debian's multiarch, whose loaders know them. */
const triplets = [
  'x86_64-linux-gnu',
  'aarch64-linux-gnu',
  'arm-linux-gnueabihf',
  'arm-linux-gnueabi',
  'i386-linux-gnu',
  'powerpc64le-linux-gnu',
  's390x-linux-gnu',
  'riscv64-linux-gnu',
  'mips64el-linux-gnuabi64',
  'loongarch64-linux-gnu',
];

function glibcDirectories(tree: FileTree): ByteString[] {
  const plain = [
    '/lib',
    '/usr/lib',
    '/lib64',
    '/usr/lib64',
    '/lib32',
    '/usr/lib32',
    '/libx32',
    '/usr/libx32',
  ];
  const multiarch = triplets.flatMap(triplet => [`/lib/${triplet}`, `/usr/lib/${triplet}`]);
  return [...configured(tree, '/etc/ld.so.conf', 0), ...plain, ...multiarch].filter(directory =>
    exists(tree, directory),
  );
}

/** Directories that ld.so.conf names. The loader goes by the cache made from them; a check need not be that strict. */
function configured(tree: FileTree, file: ByteString, depth: number): ByteString[] {
  const lines = (readText(tree, file) ?? '').split('\n').map(line => line.replace(/#.*/, '').trim());
  return lines.flatMap(line => {
    const [, pattern] = /^include\s+(\S+)/.exec(line) ?? [];
    if (pattern === undefined) return line.startsWith('/') ? [line] : [];
    if (depth > 2) return [];
    const whole = posix.resolve('/etc', pattern);
    const directory = posix.dirname(whole);
    const [start = '', end = ''] = posix.basename(whole).split('*');
    const names = looking(() => tree.list(tree.resolve(directory))) ?? [];
    return names
      .filter(name => name.startsWith(start) && name.endsWith(end))
      .flatMap(name => configured(tree, posix.join(directory, name), depth + 1));
  });
}

function muslDirectories(tree: FileTree): ByteString[] {
  const lists = (looking(() => tree.list('/etc')) ?? []).filter(name => /^ld-musl-.*\.path$/.test(name));
  const own = lists
    .flatMap(name => (readText(tree, `/etc/${name}`) ?? '').split(/[:\n]/))
    .filter(path => path.startsWith('/'));
  return [...own, '/lib', '/usr/local/lib', '/usr/lib'];
}

/** musl is one file; it answers to these names itself. musl: ldso/dynlink.c, "reserved" names. */
function isPartOfMusl(name: string): boolean {
  return (
    /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name) ||
    /^libc\.musl-/.test(name) ||
    /^ld-(?:musl|linux)/.test(name)
  );
}

function exists(tree: FileTree, path: ByteString): boolean {
  return looking(() => tree.lstat(tree.resolve(path))) !== undefined;
}
