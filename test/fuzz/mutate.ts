import type { Random } from './random.ts';

/** Pieces that the language takes special notice of. */
const pieces = [
  '\n', '\r\n', '\\\n', '`\n', ' ', '\t', '$', '${', '}', ':-', ':?', '##', '//', '"', "'", '<<E\n', 'E\n', '[', ']', '{',
  '#', '# escape=`\n', '--', '--from=', '--mount=type=', '=', ',', ':', '/', '*', '?', '\\', '\0', '\ufeff', '\u00a0',
  '\u2028', '🚀', 'FROM ', 'AS ', 'RUN ', 'COPY ', 'ONBUILD ', 'ARG A=', 'HEALTHCHECK CMD ', 'NONE', '99999999999999999999',
  '-1', '1e9', '../', '%', '@sha256:', 'scratch', '0', '**',
].map(piece => Buffer.from(piece)); // biome-ignore format: a list

/** Longer inputs find nothing that shorter ones do not, only slower. */
const longest = 16_384;

/** Changes bytes here and there; `other` lends pieces of its own. */
export function mutate(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes: Buffer = Buffer.from(input);
  for (let rest = 1 + random.below(4); rest > 0; rest--) bytes = mutateOnce(random, bytes, other);
  return bytes.subarray(0, longest);
}

function mutateOnce(random: Random, bytes: Buffer, other: Uint8Array): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(random.once(4) ? 200 : 8));
  const around = (middle: Uint8Array, from = at): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(from)]);
  switch (random.below(8)) {
    case 0:
      return around(Buffer.of(random.below(256)), Math.min(bytes.length, at + 1));
    case 1:
      return around(Buffer.of(random.below(256)));
    case 2:
      return around(Buffer.alloc(0), end);
    case 3:
      return around(bytes.subarray(at, end));
    case 4: {
      const from = random.below(other.length + 1);
      return around(other.subarray(from, from + random.below(100)), random.once(2) ? end : at);
    }
    case 5:
      return around(
        Buffer.concat(Array.from({ length: 2 + random.below(60) }, () => bytes.subarray(at, end))),
      );
    default:
      return around(random.pick(pieces));
  }
}
