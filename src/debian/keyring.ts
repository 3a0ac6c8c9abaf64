import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Key } from 'openpgp';
import { isErrno, StagecraftError } from '../util/errors.ts';
import { listParts } from './apt-config.ts';

/** Debian's own key ring, from the package debian-archive-keyring. */
const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The public keys that may sign a release: those that `Signed-By` names (key ring files, fingerprints, an armored
 * key), else the ones that apt trusts for everything, and Debian's own.
 * @throws StagecraftError `not-found` when a named key ring is missing or there is no key at all
 */
export async function loadKeys(signedBy: readonly string[], aptDir: string): Promise<Key[]> {
  const named = signedBy.filter(entry => entry.startsWith('/') || entry.includes('BEGIN PGP'));
  const fingerprints = signedBy
    .filter(entry => !named.includes(entry))
    .map(text => text.replace('!', '').toLowerCase());
  let keys: Key[] = [];
  for (const entry of named)
    keys.push(...(entry.startsWith('/') ? await readKeyFile(entry) : await parseKeys(Buffer.from(entry))));
  if (named.length === 0) keys = await trustedKeys(aptDir);
  if (fingerprints.length > 0)
    keys = keys.filter(key =>
      key.getKeys().some(part => fingerprints.some(wanted => part.getFingerprint().endsWith(wanted))),
    );
  if (keys.length === 0)
    throw new StagecraftError(
      'not-found',
      'There is no key to verify the signature of the release file with.',
      {
        hint: 'Install the package debian-archive-keyring, or name a key ring with --keyring FILE.',
      },
    );
  return keys;
}

async function readKeyFile(file: string): Promise<Key[]> {
  try {
    return await parseKeys(readFileSync(file));
  } catch (error) {
    const reason = isErrno(error, 'ENOENT')
      ? 'does not exist'
      : `cannot be read: ${(error as Error).message}`;
    throw new StagecraftError('not-found', `The key ring ${file} ${reason}.`, {
      hint: 'Install the package debian-archive-keyring, or name a key ring with --keyring FILE.',
      cause: error,
    });
  }
}

/** What apt trusts where nothing is named. A file in a form of GnuPG's own (keybox) or unreadable does not count. */
async function trustedKeys(aptDir: string): Promise<Key[]> {
  const directory = join(aptDir, 'trusted.gpg.d');
  const files = [
    debianKeyring,
    join(aptDir, 'trusted.gpg'),
    ...listParts(directory, 'gpg'),
    ...listParts(directory, 'asc'),
  ];
  const byFingerprint = new Map<string, Key>();
  for (const file of files) {
    try {
      for (const key of await parseKeys(readFileSync(file))) {
        const fingerprint = key.getFingerprint();
        if (!byFingerprint.has(fingerprint)) byFingerprint.set(fingerprint, key);
      }
    } catch {}
  }
  return [...byFingerprint.values()];
}

/** Binary keys, or any number of armored blocks. */
async function parseKeys(data: Buffer): Promise<Key[]> {
  const { readKeys } = await import('openpgp');
  if (data[0]! & 0x80) return readKeys({ binaryKeys: data });
  const blocks = data
    .toString('latin1')
    .match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g);
  if (!blocks) throw new Error('it holds no OpenPGP public key');
  const keys: Key[] = [];
  for (const block of blocks) keys.push(...(await readKeys({ armoredKeys: block })));
  return keys;
}
