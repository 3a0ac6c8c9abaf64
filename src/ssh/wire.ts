/** Reads the data types of the SSH protocol (RFC 4251, section 5). @throws RangeError where the data ends too early */
export class WireReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#data.length;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  /** `string`: bytes with their length before them. Multiple precision integers have the same form. */
  bytes(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  /** The next bytes as they are. */
  take(length: number): Buffer {
    if (length > this.#data.length - this.#at) throw new RangeError('the data ends too early');
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    return this.take(this.#data.length - this.#at);
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** `string`. */
export function string(value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** `mpint` of a number that is not negative: no zeros in front but one that keeps it from looking negative. */
export function integer(bigEndian: Uint8Array): Buffer {
  let first = 0;
  while (first < bigEndian.length && bigEndian[first] === 0) first++;
  const digits = bigEndian.subarray(first);
  return string(digits.length > 0 && digits[0]! >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits);
}
