import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { TarHeader } from '../tar/header.ts';
import { digestHex, digestOf } from '../util/digest.ts';

/** One entry of a package made for a test. */
export interface TestFile {
  readonly path: string;
  /** Content of a file; a directory where it is absent. */
  readonly content?: string;
  readonly link?: string;
  readonly mode?: number;
}

export interface TestPackage {
  readonly name: string;
  readonly version?: string;
  /** Further fields of the control file: `Depends`, `Essential`, ... */
  readonly fields?: Record<string, string>;
  readonly files?: readonly TestFile[];
  readonly scripts?: Record<string, string>;
  readonly compression?: 'gz' | 'zst' | '';
}

export const buildTime = 1_700_000_000;

/** A package file as dpkg-deb would make it. */
export function makeDeb(spec: TestPackage): Buffer {
  const suffix = spec.compression ?? 'gz';
  const control = Object.entries(spec.scripts ?? {}).map(([path, content]) => ({
    path,
    content,
    mode: 0o755,
  }));
  const member = (name: string, files: readonly TestFile[]): [string, Buffer] => [
    suffix === '' ? name : `${name}.${suffix}`,
    compress(makeTar(files), suffix),
  ];
  return makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    member('control.tar', [{ path: 'control', content: controlOf(spec) }, ...control]),
    member('data.tar', spec.files ?? []),
  ]);
}

function controlOf({ name, version = '1.0', fields = {} }: TestPackage): string {
  const all: Record<string, string> = {
    Package: name,
    Version: version,
    Architecture: 'amd64',
    Maintainer: 'Nobody <nobody@example.org>',
    Priority: 'optional',
    ...fields,
    Description: `the package ${name}`,
  };
  return `${Object.entries(all)
    .map(([field, value]) => `${field}: ${value}`)
    .join('\n')}\n`;
}

function compress(data: Buffer, suffix: string): Buffer {
  return suffix === 'gz' ? gzipSync(data) : suffix === 'zst' ? zstdCompressSync(data) : data;
}

export function makeAr(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts: Buffer[] = [Buffer.from('!<arch>\n')];
  for (const [name, data] of members) {
    const header = `${name.padEnd(16)}${String(buildTime).padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`;
    parts.push(Buffer.from(header), data);
    if (data.length % 2) parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}

/** An archive with `./` before every name, as in packages. */
export function makeTar(files: readonly TestFile[]): Buffer {
  const blocks = files.map(({ path, content, link, mode }) => {
    const type: TarHeader['type'] =
      link !== undefined ? 'symlink' : content !== undefined ? 'file' : 'directory';
    const data = Buffer.from(content ?? '');
    const header = Buffer.alloc(512);
    header.write(`./${path}${type === 'directory' ? '/' : ''}`, 0);
    const octal = (value: number, at: number, length: number) =>
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
    octal(mode ?? (type === 'file' ? 0o644 : 0o755), 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(data.length, 124, 12);
    octal(buildTime, 136, 12);
    header.write(type === 'file' ? '0' : type === 'symlink' ? '2' : '5', 156);
    header.write(link ?? '', 157);
    header.write('ustar\u000000', 257);
    header.fill(' ', 148, 156);
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      7,
    );
    return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export interface TestArchive {
  /** Files by path below the mirror's address. */
  readonly files: Map<string, Buffer>;
  /** An armored public key that signs the release files. */
  readonly publicKey: string;
  /** Signs the release text anew, as `InRelease`. */
  sign(release: string): Promise<void>;
}

export interface ArchiveSpec {
  readonly suite?: string;
  readonly packages: readonly TestPackage[];
  /** Further or other fields of the release file. */
  readonly release?: Record<string, string>;
}

/** An archive of one suite with a key of its own. */
export async function makeArchive(spec: ArchiveSpec): Promise<TestArchive> {
  const { createCleartextMessage, generateKey, readPrivateKey, sign } = await import('openpgp');
  const pair = await generateKey({ userIDs: [{ name: 'Test archive' }], format: 'armored' });
  const privateKey = await readPrivateKey({ armoredKey: pair.privateKey });
  const suite = spec.suite ?? 'bookworm';
  const files = new Map<string, Buffer>();
  const stanzas = spec.packages.map(each => {
    const deb = makeDeb(each);
    const path = `pool/main/${each.name}_${each.version ?? '1.0'}_amd64.deb`;
    files.set(path, deb);
    return `${controlOf(each)}Filename: ${path}\nSize: ${deb.length}\nSHA256: ${digestHex(digestOf(deb))}\n`;
  });
  const index = gzipSync(stanzas.join('\n'));
  files.set(`dists/${suite}/main/binary-amd64/Packages.gz`, index);
  const fields: Record<string, string> = {
    Origin: 'Debian',
    Suite: suite,
    Codename: suite,
    Date: new Date(buildTime * 1000).toUTCString(),
    Architectures: 'amd64',
    Components: 'main',
    ...spec.release,
  };
  const archive: TestArchive = {
    files,
    publicKey: pair.publicKey,
    async sign(release) {
      const message = await createCleartextMessage({ text: release });
      const signed = await sign({ message, signingKeys: privateKey });
      files.set(`dists/${suite}/InRelease`, Buffer.from(signed as string));
    },
  };
  await archive.sign(
    `${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')}\nSHA256:\n ${digestHex(digestOf(index))} ${index.length} main/binary-amd64/Packages.gz\n`,
  );
  return archive;
}

export interface TestServer {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function serve(handler: RequestListener): Promise<TestServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    handler(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Serves an archive under `/debian`. */
export function serveArchive({ files }: TestArchive): Promise<TestServer> {
  return serve((request, response) => {
    const file = files.get(decodeURIComponent((request.url ?? '').replace(/^\/debian\//, '')));
    if (file) response.end(file);
    else response.writeHead(404).end();
  });
}
