import { StagecraftError } from '../util/errors.ts';

export function malformed(): StagecraftError {
  return new StagecraftError('usage', 'The build graph is malformed: its protobuf encoding is broken.');
}

/** A buffer that grew longer than this is not kept for the next message. */
const keptSize = 1 << 20;

/** Protobuf's wire format, into a buffer that grows, and that one message after the other may use. */
export class Writer {
  #buffer = Buffer.allocUnsafe(512);
  #at = 0;

  /** Begins a message. */
  start(): void {
    if (this.#buffer.length > keptSize) this.#buffer = Buffer.allocUnsafe(512);
    this.#at = 0;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + size));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }

  tag(number: number, wire: number): void {
    this.varint(number * 8 + wire);
  }

  /** Signed integers are 64 bits of two's complement, so that a negative one takes ten bytes. */
  varint(value: number): void {
    if (value < 0) {
      this.bigVarint(BigInt(value));
      return;
    }
    this.#reserve(10);
    while (value > 127) {
      this.#buffer[this.#at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#buffer[this.#at++] = value;
  }

  bigVarint(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.#buffer[this.#at++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  string(text: string): void {
    const size = Buffer.byteLength(text);
    this.varint(size);
    this.#reserve(size);
    this.#buffer.write(text, this.#at, 'utf8');
    this.#at += size;
  }

  bytes(data: Uint8Array): void {
    this.varint(data.length);
    this.#reserve(data.length);
    this.#buffer.set(data, this.#at);
    this.#at += data.length;
  }

  /** What `write` writes, after its length. One byte is kept for the length; longer content is moved. */
  nested(write: () => void): void {
    this.#reserve(1);
    const start = ++this.#at;
    write();
    const size = this.#at - start;
    let extra = 0;
    for (let rest = size; rest > 127; rest = Math.floor(rest / 128)) extra++;
    if (extra > 0) {
      this.#reserve(extra);
      this.#buffer.copyWithin(start + extra, start, this.#at);
    }
    this.#at = start - 1;
    this.varint(size);
    this.#at += size;
  }

  /** A copy of the message. */
  finish(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#at));
  }
}

/** Protobuf's wire format, out of a buffer that may hold anything. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #texts: Map<string, string>;
  at = 0;
  depth = 0;

  /** `texts`: those that were read before, as each is kept once. */
  constructor(bytes: Uint8Array, texts: Map<string, string>) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#texts = texts;
  }

  /** A number of at most 53 bits with sign; a 64-bit one beyond that loses its low bits. */
  varint(): number {
    let value = 0;
    let scale = 1;
    const start = this.at;
    for (;;) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw malformed();
      if (this.at - start > 8) break;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    this.at = start;
    return Number(this.bigVarint());
  }

  bigVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw malformed();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw malformed();
  }

  /** The length before a nested value, checked against what is left. */
  length(): number {
    const size = this.varint();
    if (size < 0 || this.at + size > this.#bytes.length) throw malformed();
    return size;
  }

  string(): string {
    const size = this.length();
    this.at += size;
    const text = this.#bytes.toString('utf8', this.at - size, this.at);
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }

  /** A copy. */
  bytes(): Uint8Array {
    const size = this.length();
    this.at += size;
    return new Uint8Array(this.#bytes.subarray(this.at - size, this.at));
  }

  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.at += 8;
    else if (wire === 2) this.bytes();
    else if (wire === 5) this.at += 4;
    else throw malformed();
  }
}
