import type { ProgressSink } from '../progress/types.ts';
import type { LayerWriter } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';
import { putText, readBytes, walk } from './image-files.ts';
import type { LayerWork } from './layer-work.ts';
import { parseStanzas } from './stanza.ts';
import { runStep } from './steps.ts';
import { mergeUsr, plainDirectory, unpackPackages } from './unpack.ts';

/** Packages unpacked by hand, no script run: what the scripts would have done for them is done in their stead. */
export async function fillMinimal(work: LayerWork, progress: ProgressSink): Promise<void> {
  const { packages, mtimeNs } = work;
  await runStep(progress, `[base] unpack ${packages.length} packages`, async step => {
    const writer = work.layers.writer(work.draft, []);
    mergeUsr(
      writer,
      work.architecture,
      packages.map(each => each.package),
      plainDirectory(mtimeNs),
    );
    await unpackPackages(packages, writer, step, { wanted: isWantedInMinimal, signal: work.signal });
    for (const { deb } of packages) putPackageRecord(writer, await deb.readControl(), mtimeNs);
    finishMinimal(writer, mtimeNs);
    writer.finish();
  });
}

const accounts = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`;

const groups = `root:x:0:
tty:x:5:
staff:x:50:
nobody:x:65534:
nonroot:x:65532:
`;

const nameServices = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`;

/** Documentation, translations and helpers of shells, which no program needs; licences stay. */
const unneeded =
  /^\/usr\/share\/(man|info|locale|lintian|bug|doc-base|bash-completion|zsh|fish|menu|applications)(\/|$)/;

/** Whether a minimal image keeps a path of a package. */
function isWantedInMinimal(path: ByteString): boolean {
  if (unneeded.test(path)) return false;
  const documentation = /^\/usr\/share\/doc\/[^/]+\/(.+)$/.exec(path);
  return !documentation || documentation[1] === 'copyright';
}

export const certificateBundle = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Does by hand what the maintainer scripts of a minimal image's few packages would do: accounts (root, nobody, and
 * nonroot with the id that distroless gave it), links, the certificate bundle, the time zone.
 */
function finishMinimal(writer: LayerWriter, mtimeNs: bigint): void {
  const directory = (path: ByteString, mode: number, id = 0) => {
    writer.makeDirectories(path, { mode: 0o755, uid: 0, gid: 0, mtimeNs });
    writer.setMetadata(path, { mode, uid: id, gid: id, mtimeNs });
  };
  const link = (path: ByteString, target: ByteString) =>
    writer.putSymlink(path, target, { mode: 0o777, uid: 0, gid: 0, mtimeNs });
  putText(writer, '/etc/passwd', accounts, mtimeNs);
  putText(writer, '/etc/group', groups, mtimeNs);
  putText(writer, '/etc/nsswitch.conf', nameServices, mtimeNs);
  directory('/tmp', 0o1777);
  directory('/var/tmp', 0o1777);
  directory('/root', 0o700);
  directory('/run/lock', 0o1777);
  directory('/home/nonroot', 0o700, 65532);
  link('/var/run', '/run');
  link('/var/lock', '/run/lock');
  if (writer.tree.lstat('/usr/share/zoneinfo/Etc/UTC') !== undefined) {
    link('/etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
    putText(writer, '/etc/timezone', 'Etc/UTC\n', mtimeNs);
  }
  putCertificateBundle(writer, mtimeNs);
}

/** All certificates of the package ca-certificates in one file, as update-ca-certificates(8) makes it. */
function putCertificateBundle(writer: LayerWriter, mtimeNs: bigint): void {
  const source = '/usr/share/ca-certificates';
  if (writer.tree.lstat(source)?.type !== 'directory') return;
  const certificates: string[] = [];
  for (const path of walk(writer.tree, source)) {
    if (!path.endsWith('.crt')) continue;
    const text = readBytes(writer.tree, path)!.toString('latin1');
    certificates.push(text.endsWith('\n') ? text : `${text}\n`);
  }
  putText(writer, certificateBundle, certificates.join(''), mtimeNs);
}

/**
 * The record of a package in the form that scanners read where there is no dpkg: its control file under
 * `status.d/NAME`, with the digests of its files beside.
 */
function putPackageRecord(writer: LayerWriter, control: ReadonlyMap<string, Buffer>, mtimeNs: bigint): void {
  const text = control.get('control')!.toString('utf8');
  const name = parseStanzas(text)[0]?.get('package') ?? '';
  putText(writer, `/var/lib/dpkg/status.d/${name}`, text.endsWith('\n') ? text : `${text}\n`, mtimeNs);
  const digests = control.get('md5sums');
  if (digests) putText(writer, `/var/lib/dpkg/status.d/${name}.md5sums`, digests.toString('latin1'), mtimeNs);
}
