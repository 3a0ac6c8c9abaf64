import type { Key } from 'openpgp';
import type { LayerWriter } from '../snapshot/types.ts';
import { publicAddress } from './archive.ts';
import { putText } from './image-files.ts';
import type { Release } from './release.ts';

/** Settings for apt and dpkg that suit an image, where no service runs and every file costs. */
const settings: Record<string, string> = {
  '/etc/apt/apt.conf.d/docker-clean': `// Packages that were installed need not stay in the image as files too.
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
`,
  '/etc/apt/apt.conf.d/docker-gzip-indexes': `// Package lists stay compressed on disk.
Acquire::GzipIndexes "true";
`,
  '/etc/apt/apt.conf.d/docker-no-languages': `// Translations of package descriptions are not fetched.
Acquire::Languages "none";
`,
  '/etc/apt/apt.conf.d/docker-autoremove-suggests': `// What is only suggested does not keep a package from autoremove.
Apt::AutoRemove::SuggestsImportant "false";
`,
  '/etc/dpkg/dpkg.cfg.d/docker-apt-speedup': `# A layer is written whole or not at all: single files need no sync.
force-unsafe-io
`,
};

/** Keeps packages from starting services while they are installed (invoke-rc.d(8)): 101 means "not allowed". */
const policy = `#!/bin/sh
# An image runs no services while it is built.
exit 101
`;

export function putAptSettings(writer: LayerWriter, mtimeNs: bigint): void {
  for (const [path, text] of Object.entries(settings)) putText(writer, path, text, mtimeNs);
  putText(writer, '/usr/sbin/policy-rc.d', policy, mtimeNs, 0o755);
}

export interface AptSetup {
  /** Text of `/etc/apt/sources.list.d/debian.sources`; empty when no archive can be reached from within an image. */
  readonly sources: string;
  /** Key rings to write: armored keys by path. */
  readonly keyrings: ReadonlyMap<string, string>;
}

const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * What apt in the image is told of the archives that it came from. Without user names and passwords. Each archive
 * names its key ring: Debian's where Debian signs, else the keys themselves are written beside.
 */
export function describeSources(releases: readonly Release[]): AptSetup {
  const keyrings = new Map<string, string>();
  const groups = new Map<string, { uri: string; components: string; signedBy: string; suites: string[] }>();
  for (const release of releases) {
    const { archive } = release;
    const uri = publicAddress(archive.uri);
    if (!/^https?:/.test(uri)) continue;
    const signedBy = keyringFor(release, keyrings);
    const components = archive.components.join(' ');
    const key = [uri, components, signedBy].join('\n');
    const group = groups.get(key);
    if (group) group.suites.push(archive.suite);
    else groups.set(key, { uri, components, signedBy, suites: [archive.suite] });
  }
  const stanzas = [...groups.values()].map(
    ({ uri, components, signedBy, suites }) =>
      `Types: deb\nURIs: ${uri}\nSuites: ${suites.join(' ')}\nComponents: ${components}\nSigned-By: ${signedBy}\n`,
  );
  return { sources: stanzas.join('\n'), keyrings };
}

function keyringFor({ origin, signers, archive }: Release, keyrings: Map<string, string>): string {
  const isDebians = archive.signedBy.length === 0 || archive.signedBy.includes(debianKeyring);
  if (origin === 'Debian' && isDebians) return debianKeyring;
  const path = `/etc/apt/keyrings/${(origin || 'archive').toLowerCase().replace(/[^a-z0-9]+/g, '-')}.asc`;
  const known = keyrings.get(path) ?? '';
  const armored = signers.map(armor).filter(key => !known.includes(key));
  keyrings.set(path, known + armored.join(''));
  return path;
}

function armor(key: Key): string {
  return key.toPublic().armor().replaceAll('\r\n', '\n');
}

export function putSources(writer: LayerWriter, setup: AptSetup, mtimeNs: bigint): void {
  if (setup.sources !== '') putText(writer, '/etc/apt/sources.list.d/debian.sources', setup.sources, mtimeNs);
  for (const [path, text] of setup.keyrings) putText(writer, path, text, mtimeNs);
}
