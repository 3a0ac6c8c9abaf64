import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { integer, string } from './wire.ts';

/** A key of an agent. */
export interface Identity {
  /** The public key as the protocol has it (RFC 4253, section 6.6; RFC 5656; RFC 8709). */
  readonly publicKey: Buffer;
  /** A signature as the protocol has it. `flags` of a sign request say which hash an RSA key uses. */
  sign(data: Buffer, flags: number): Buffer;
}

/** The elliptic curves of ECDSA keys (RFC 5656, section 10.1), and the bytes of their numbers. */
export const curves = [
  { ssh: 'nistp256', jwk: 'P-256', hash: 'sha256', bytes: 32 },
  { ssh: 'nistp384', jwk: 'P-384', hash: 'sha384', bytes: 48 },
  { ssh: 'nistp521', jwk: 'P-521', hash: 'sha512', bytes: 66 },
] as const;

/** SSH_AGENT_RSA_SHA2_256 and SSH_AGENT_RSA_SHA2_512 of the agent protocol. */
const rsaSha256 = 2;
const rsaSha512 = 4;

/** @throws Error for a kind of key that SSH does not use */
export function identityOf(key: KeyObject): Identity {
  const { kty, crv, x, y, n, e } = createPublicKey(key).export({ format: 'jwk' });
  const number = (text: string | undefined): Buffer => Buffer.from(text!, 'base64url');
  if (kty === 'OKP' && crv === 'Ed25519') {
    const type = string('ssh-ed25519');
    return {
      publicKey: Buffer.concat([type, string(number(x))]),
      sign: data => Buffer.concat([type, string(sign(null, data, key))]),
    };
  }
  if (kty === 'RSA')
    return {
      publicKey: Buffer.concat([string('ssh-rsa'), integer(number(e)), integer(number(n))]),
      sign(data, flags) {
        const [algorithm, hash] =
          flags & rsaSha512
            ? ['rsa-sha2-512', 'sha512']
            : flags & rsaSha256
              ? ['rsa-sha2-256', 'sha256']
              : ['ssh-rsa', 'sha1'];
        return Buffer.concat([string(algorithm), string(sign(hash, data, key))]);
      },
    };
  const curve = curves.find(({ jwk }) => kty === 'EC' && jwk === crv);
  if (curve === undefined) throw new Error(`SSH has no keys of the kind ${key.asymmetricKeyType ?? kty}`);
  const type = string(`ecdsa-sha2-${curve.ssh}`);
  const point = Buffer.concat([Buffer.from([4]), number(x), number(y)]);
  return {
    publicKey: Buffer.concat([type, string(curve.ssh), string(point)]),
    sign(data) {
      const both = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const numbers = [both.subarray(0, curve.bytes), both.subarray(curve.bytes)];
      return Buffer.concat([type, string(Buffer.concat(numbers.map(each => integer(each))))]);
    },
  };
}
