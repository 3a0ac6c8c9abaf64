import { createDecipheriv, createPrivateKey, type KeyObject } from 'node:crypto';
import { curves } from './identity.ts';
import { WireReader } from './wire.ts';

/** A key file of OpenSSH (its PROTOCOL.key), still closed. */
export interface OpensshKey {
  readonly cipher: string;
  readonly kdf: string;
  readonly kdfOptions: Buffer;
  readonly secret: Buffer;
  /** What authenticates the secret, where the cipher does. */
  readonly tag: Buffer;
}

/** The key stayed closed. */
export class WrongPassphrase extends Error {}

const magic = 'openssh-key-v1\0';

/** Bytes of key and initialization vector by OpenSSH's name of the cipher, and Node's name of it. */
const ciphers: Readonly<Record<string, { name: string; key: number; iv: number }>> = {
  'aes128-ctr': { name: 'aes-128-ctr', key: 16, iv: 16 },
  'aes192-ctr': { name: 'aes-192-ctr', key: 24, iv: 16 },
  'aes256-ctr': { name: 'aes-256-ctr', key: 32, iv: 16 },
  'aes128-cbc': { name: 'aes-128-cbc', key: 16, iv: 16 },
  'aes192-cbc': { name: 'aes-192-cbc', key: 24, iv: 16 },
  'aes256-cbc': { name: 'aes-256-cbc', key: 32, iv: 16 },
  '3des-cbc': { name: 'des-ede3-cbc', key: 24, iv: 8 },
  'aes128-gcm@openssh.com': { name: 'aes-128-gcm', key: 16, iv: 12 },
  'aes256-gcm@openssh.com': { name: 'aes-256-gcm', key: 32, iv: 12 },
};

/** @throws Error for what is none, or holds another number of keys than one */
export function parseOpensshKey(text: string): OpensshKey {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(
    text,
  )?.[1];
  if (body === undefined) throw new Error('its end is missing');
  const reader = new WireReader(Buffer.from(body, 'base64'));
  if (reader.take(magic.length).toString('latin1') !== magic) throw new Error('it is of an unknown version');
  const cipher = reader.text();
  const kdf = reader.text();
  const kdfOptions = reader.bytes();
  const count = reader.uint32();
  if (count !== 1) throw new Error(`it holds ${count} keys`);
  // The public key: the secret part has it once more.
  reader.bytes();
  return { cipher, kdf, kdfOptions, secret: reader.bytes(), tag: reader.rest() };
}

/** @throws WrongPassphrase */
export async function openOpensshKey(locked: OpensshKey, passphrase: string): Promise<KeyObject> {
  const reader = new WireReader(await decrypt(locked, passphrase));
  // The same random number twice tells that the passphrase was right.
  const [check, again] = [reader.uint32(), reader.uint32()];
  if (check !== again) throw new WrongPassphrase();
  return createPrivateKey({ key: jwkOf(reader), format: 'jwk' });
}

async function decrypt(
  { cipher, kdf, kdfOptions, secret, tag }: OpensshKey,
  passphrase: string,
): Promise<Buffer> {
  if (cipher === 'none') return secret;
  const known = ciphers[cipher];
  if (known === undefined) throw new Error(`it is encrypted with ${cipher}, which is not known here`);
  if (kdf !== 'bcrypt') throw new Error(`its passphrase is used by ${kdf}, which is not known here`);
  const options = new WireReader(kdfOptions);
  const salt = options.bytes();
  const rounds = options.uint32();
  const { pbkdf } = (await import('bcrypt-pbkdf')).default;
  const derived = new Uint8Array(known.key + known.iv);
  const given = Buffer.from(passphrase);
  // It has no result for an empty passphrase or salt.
  if (pbkdf(given, given.length, salt, salt.length, derived, derived.length, rounds) !== 0)
    throw new WrongPassphrase();
  const decipher = createDecipheriv(known.name, derived.subarray(0, known.key), derived.subarray(known.key));
  if ('setAuthTag' in decipher && tag.length > 0)
    (decipher as { setAuthTag(tag: Buffer): void }).setAuthTag(tag);
  else if ('setAutoPadding' in decipher) decipher.setAutoPadding(false);
  try {
    return Buffer.concat([decipher.update(secret), decipher.final()]);
  } catch {
    // Only a cipher that authenticates fails here.
    throw new WrongPassphrase();
  }
}

/** The key's numbers as a JSON Web Key (RFC 7518, section 6; RFC 8037), which Node.js reads. */
function jwkOf(reader: WireReader): Record<string, string> {
  const type = reader.text();
  if (type === 'ssh-ed25519') {
    const x = reader.bytes();
    // The private key's 32 bytes, and then the public key once more.
    const d = reader.bytes().subarray(0, 32);
    return { kty: 'OKP', crv: 'Ed25519', x: base64(x), d: base64(d) };
  }
  if (type === 'ssh-rsa') return rsaKey(reader);
  const curve = curves.find(({ ssh }) => type === `ecdsa-sha2-${ssh}`);
  if (curve !== undefined) {
    reader.bytes();
    // An uncompressed point (SEC 1, section 2.3.3): 4, x, y.
    const point = reader.bytes();
    const d = digits(reader.bytes(), curve.bytes);
    const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
    return { kty: 'EC', crv: curve.jwk, x: base64(x), y: base64(y), d: base64(d) };
  }
  if (type.startsWith('sk-')) throw new Error('its secret is in a security key, which only an agent can use');
  throw new Error(`it is of the type ${type}, which is not known here`);
}

function rsaKey(reader: WireReader): Record<string, string> {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => digits(reader.bytes()));
  const modulo = (prime: Buffer): Buffer => fromNumber(toNumber(d!) % (toNumber(prime) - 1n));
  return {
    ...{ kty: 'RSA', n: base64(n!), e: base64(e!), d: base64(d!), p: base64(p!), q: base64(q!) },
    ...{ dp: base64(modulo(p!)), dq: base64(modulo(q!)), qi: base64(qi!) },
  };
}

/** A number's bytes without the zeros in front of it, or with as many as make it that long. */
function digits(bytes: Buffer, length = 0): Buffer {
  let first = 0;
  while (first < bytes.length && bytes[first] === 0) first++;
  const bare = bytes.subarray(first);
  return bare.length >= length ? bare : Buffer.concat([Buffer.alloc(length - bare.length), bare]);
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString('hex')}`);
}

function fromNumber(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
