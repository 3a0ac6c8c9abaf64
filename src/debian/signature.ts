import type { Key, KeyID } from 'openpgp';
import { StagecraftError } from '../util/errors.ts';

/** One signature of a file; `verified` rejects where it is not good. */
interface SignatureCheck {
  keyID: KeyID;
  verified: Promise<true>;
}

/** A text whose signature was good, and the keys that made it. */
export interface SignedText {
  readonly text: string;
  readonly signers: readonly Key[];
}

/**
 * Verifies a clear-signed text (RFC 9580, section 7) and returns what was signed, nothing around it.
 * @param name where it came from, for messages
 * @throws StagecraftError `integrity` unless one of the keys made a good signature and none made a bad one
 */
export async function verifyClearSigned(text: string, keys: Key[], name: string): Promise<SignedText> {
  const { readCleartextMessage, verify } = await import('openpgp');
  let result: { data: string; signatures: SignatureCheck[] };
  try {
    const message = await readCleartextMessage({ cleartextMessage: text });
    result = await verify({ message, verificationKeys: keys });
  } catch (error) {
    throw new StagecraftError(
      'integrity',
      `${name} is not a clear-signed file: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
  return { text: result.data, signers: await requireGood(result.signatures, keys, name) };
}

/** Verifies a detached, armored or binary signature (`Release.gpg`) over the data. */
export async function verifyDetached(
  data: Buffer,
  signature: Buffer,
  keys: Key[],
  name: string,
): Promise<SignedText> {
  const { createMessage, readSignature, verify } = await import('openpgp');
  let signatures: SignatureCheck[];
  try {
    const message = await createMessage({ binary: new Uint8Array(data) });
    const parsed =
      signature[0]! & 0x80
        ? await readSignature({ binarySignature: signature })
        : await readSignature({ armoredSignature: signature.toString('latin1') });
    ({ signatures } = await verify({ message, signature: parsed, verificationKeys: keys, format: 'binary' }));
  } catch (error) {
    throw new StagecraftError(
      'integrity',
      `The signature of ${name} cannot be read: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
  return { text: data.toString('utf8'), signers: await requireGood(signatures, keys, name) };
}

/** Signatures of keys we do not have tell nothing; of those we have, all must hold. */
async function requireGood(signatures: SignatureCheck[], keys: Key[], name: string): Promise<Key[]> {
  const signers: Key[] = [];
  const unknown: string[] = [];
  for (const { keyID, verified } of signatures) {
    const id = keyID.toHex().toUpperCase();
    const signer = keys.find(key => key.getKeys(keyID).length > 0);
    try {
      await verified;
      if (signer) signers.push(signer);
    } catch (error) {
      if (signer)
        throw new StagecraftError(
          'integrity',
          `The signature of ${name} by key ${id} is not good: ${(error as Error).message}.`,
          {
            hint: 'Somebody changed the file on its way, or the clock of this machine is wrong.',
            cause: error,
          },
        );
      unknown.push(id);
    }
  }
  if (signers.length === 0)
    throw new StagecraftError(
      'integrity',
      unknown.length > 0
        ? `${name} is signed by ${unknown.join(', ')}, none of which is a trusted key.`
        : `${name} carries no signature.`,
      { hint: 'Install the package debian-archive-keyring, or name a key ring with --keyring FILE.' },
    );
  return signers;
}
