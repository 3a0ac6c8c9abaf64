import type { Key } from 'openpgp';
import { type Digest, digestOf } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { type Archive, publicAddress } from './archive.ts';
import { fetchSmall } from './download.ts';
import type { Fetcher } from './fetcher.ts';
import { type SignedText, verifyClearSigned, verifyDetached } from './signature.ts';
import { parseStanzas, type Stanza } from './stanza.ts';

/** What a verified release file says of an archive. */
export interface Release {
  readonly archive: Archive;
  /** The keys that signed it. */
  readonly signers: readonly Key[];
  readonly origin: string;
  readonly codename: string;
  readonly version: string | undefined;
  /** Digest of the signed text. */
  readonly digest: Digest;
  readonly date: Date;
  readonly architectures: readonly string[];
  /** Whether indices may be fetched under their digest, which no update of the mirror can race with. */
  readonly byHash: boolean;
  readonly files: ReadonlyMap<string, { readonly digest: Digest; readonly size: number }>;
}

/**
 * Fetches `InRelease` (else `Release` and `Release.gpg`), and verifies its signature, its suite and its age.
 * @throws StagecraftError `integrity` when one of them is not right; `not-found` when the mirror lacks the suite
 */
export async function fetchRelease(
  fetcher: Fetcher,
  archive: Archive,
  keys: Key[],
  now: Date = new Date(),
): Promise<Release> {
  const base = `${archive.uri}/dists/${archive.suite}`;
  return readRelease(await fetchSigned(fetcher, base, keys), archive, now);
}

async function fetchSigned(fetcher: Fetcher, base: string, keys: Key[]): Promise<SignedText> {
  try {
    const clearSigned = await fetchSmall(fetcher, `${base}/InRelease`);
    return await verifyClearSigned(clearSigned.toString('utf8'), keys, publicAddress(`${base}/InRelease`));
  } catch (error) {
    if (!(error instanceof StagecraftError && error.code === 'not-found')) throw error;
    try {
      const [data, signature] = await Promise.all([
        fetchSmall(fetcher, `${base}/Release`),
        fetchSmall(fetcher, `${base}/Release.gpg`),
      ]);
      return await verifyDetached(data, signature, keys, publicAddress(`${base}/Release`));
    } catch (second) {
      if (!(second instanceof StagecraftError && second.code === 'not-found')) throw second;
      throw new StagecraftError('not-found', `The mirror has no ${publicAddress(`${base}/InRelease`)}.`, {
        hint: 'Check the name of the suite, or name another mirror with --mirror URL.',
        cause: error,
      });
    }
  }
}

/** Reads the text of a release file whose signature has been verified. */
function readRelease({ text, signers }: SignedText, archive: Archive, now: Date): Release {
  const name = `The release file of ${archive.suite} at ${publicAddress(archive.uri)}`;
  const fields: Stanza = parseStanzas(text)[0] ?? new Map();
  const suite = fields.get('suite');
  const codename = fields.get('codename') ?? suite ?? '';
  const asked = archive.suite.replace(/\/.*$/, '');
  if (asked !== suite && asked !== codename)
    throw new StagecraftError(
      'integrity',
      `${name} is that of ${[codename, suite].filter(Boolean).join(' or ')}.`,
      {
        hint: 'The mirror serves another suite under this name: name another mirror with --mirror URL.',
      },
    );
  const until = fields.get('valid-until');
  if (archive.checkValidUntil && until !== undefined && !(parseDate(until, name) > now))
    throw new StagecraftError('integrity', `${name} expired on ${until}.`, {
      hint: 'The mirror is not updated any more, or somebody replays an old state; for a snapshot, set Acquire::Check-Valid-Until "false" in the apt configuration.',
    });
  return {
    archive,
    signers,
    origin: fields.get('origin') ?? '',
    codename,
    version: fields.get('version'),
    digest: digestOf(text),
    date: parseDate(fields.get('date') ?? '', name),
    architectures: (fields.get('architectures') ?? '').split(/\s+/).filter(Boolean),
    byHash: fields.get('acquire-by-hash')?.toLowerCase() === 'yes',
    files: readFiles(fields.get('sha256') ?? '', name),
  };
}

function readFiles(field: string, name: string): Map<string, { digest: Digest; size: number }> {
  const files = new Map<string, { digest: Digest; size: number }>();
  for (const line of field.split('\n')) {
    if (line.trim() === '') continue;
    const match = /^\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)\s*$/.exec(line);
    if (!match) throw new StagecraftError('integrity', `${name} has an unreadable line "${line.trim()}".`);
    files.set(match[3]!, { digest: `sha256:${match[1]!}`, size: Number(match[2]) });
  }
  if (files.size === 0) throw new StagecraftError('integrity', `${name} lists no SHA-256 digests.`);
  return files;
}

function parseDate(text: string, name: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new StagecraftError('integrity', `${name} has an unreadable date "${text}".`);
  return date;
}
