import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmarshal } from '../llb/index.ts';
import { planDockerfile } from './plan.ts';
import { requestOf } from './testing.ts';

const text = `FROM debian:bookworm AS build
RUN make
FROM build AS Test
COPY tests /tests
RUN make test
FROM scratch
COPY lint /
FROM scratch
COPY --from=build /program /
COPY files /
`;

test('required stages are graphs of their own, over the same operations', async () => {
  const alone = await planDockerfile(requestOf(text));
  const { definition, required, stages } = await planDockerfile(
    requestOf(text, { required: ['TEST', '2', 'test'] }),
  );
  assert.deepEqual(alone.required, []);
  assert.deepEqual(
    required.map(({ stage }) => stage),
    ['"test"', 'number 2'],
  );
  assert.deepEqual(
    stages.map(({ name }) => name),
    ['build', 'test', 'stage-2', 'stage-3'],
  );
  const namesOf = (graph: typeof definition) =>
    [...unmarshal(graph).vertices.values()].map(({ metadata }) => metadata.name ?? '');
  // One context for all, of which all read their part.
  const contexts = [definition, ...required.map(each => each.definition)].map(each =>
    [...unmarshal(each).vertices.values()].find(
      ({ op }) => op.kind === 'source' && op.identifier === 'local://context',
    ),
  );
  assert.equal(new Set(contexts.map(each => each!.digest)).size, 1);
  assert.ok(namesOf(required[0]!.definition).includes('[test 2/2] RUN make test'));
  assert.ok(!namesOf(definition).includes('[test 2/2] RUN make test'));
  const build = (graph: typeof definition) =>
    [...unmarshal(graph).vertices.values()].find(({ metadata }) => metadata.name === '[build 2/2] RUN make')!
      .digest;
  assert.equal(build(required[0]!.definition), build(definition));
});

test('a required stage that does not exist is a mistake with a suggestion', async () => {
  await assert.rejects(planDockerfile(requestOf(text, { required: ['tset'] })), {
    code: 'usage',
    message: 'The Dockerfile has no stage "tset" to build.',
    hint: 'Did you mean "test"?',
  });
});

test('the target may be required as well', async () => {
  const { definition, required } = await planDockerfile(
    requestOf(text, { target: 'test', required: ['test'] }),
  );
  assert.deepEqual(required[0]!.definition.ops, definition.ops);
});
