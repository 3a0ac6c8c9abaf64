import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeDockerfile } from './grammar.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { seeds } from './seeds.ts';
import { tryInput } from './target.ts';

// A short run of what `npm run fuzz` does for as long as one likes, the same each time.

const random = new Random(20261121);
const corpus = seeds.map(each => Buffer.from(each));

async function tryAll(inputs: Iterable<Uint8Array>): Promise<void> {
  for (const input of inputs) {
    const finding = await tryInput(input);
    assert.equal(
      finding,
      undefined,
      `${finding?.kind}: ${finding?.detail}\n${JSON.stringify(String(input))}`,
    );
  }
}

test('what looks like a Dockerfile is planned and checked, or refused with a place', async () => {
  await tryAll(Array.from({ length: 2500 }, () => Buffer.from(writeDockerfile(random))));
});

test('a Dockerfile with bytes changed is planned and checked, or refused with a place', async () => {
  const written = () => Buffer.from(writeDockerfile(random));
  const input = () => mutate(random, random.once(2) ? written() : random.pick(corpus), random.pick(corpus));
  await tryAll(Array.from({ length: 2500 }, input));
});

test('any bytes are refused with a place', async () => {
  await tryAll(Array.from({ length: 500 }, () => Buffer.from(random.some(300, () => random.below(256)))));
});
