import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv } from '../util/csv.ts';
import { parseAnnotation, selectAnnotations } from './annotations.ts';
import { checkOutput, parseEpoch, parseOutput } from './outputs.ts';

test('outputs are read as buildx reads them', () => {
  assert.deepEqual({ ...parseOutput('out/dir') }.type, 'local');
  assert.equal(parseOutput('out/dir').dest, 'out/dir');
  assert.deepEqual([parseOutput('-').type, parseOutput('-').dest], ['tar', '-']);
  assert.equal(parseOutput('type=oci,"dest=a,b.tar"').dest, 'a,b.tar');
  const image = parseOutput(
    'type=image,name=app,compression=zstd,compression-level=19,oci-mediatypes=true,push=1',
  );
  assert.deepEqual(image.names, ['docker.io/library/app:latest']);
  assert.deepEqual(image.image.compression, { type: 'zstd', level: 19 });
  assert.ok(image.push);
  assert.deepEqual(parseOutput('type=oci,dest=x,compression-level=9').image.compression, {
    type: 'gzip',
    level: 9,
  });
  assert.deepEqual(parseOutput('type=oci,dest=x,annotation-index.a.b=c').image.annotations, [
    { place: 'index', key: 'a.b', value: 'c' },
  ]);
  assert.equal(parseOutput('type=oci,tar=false,dest=x').tar, false);
  assert.equal(parseOutput('type=local,dest=x,mode=delete').mode, 'delete');
  assert.equal(parseOutput('type=image,unpack=true').type, 'image');
  assert.equal(parseOutput('type=registry').push, true);
});

test('an output that makes no sense is refused with the reason', () => {
  for (const [text, reason] of [
    ['', /empty/],
    ['type=zip,dest=x', /Unknown output type/],
    ['dest=x', /no type/],
    ['type=oci', /needs a destination/],
    ['type=local,dest=-', /standard output/],
    ['type=oci,tar=false,dest=-', /standard output/],
    ['type=image,dest=x', /no destination/],
    ['type=oci,dest=x,tar=perhaps', /neither true nor false/],
    ['type=oci,dest=x,compresion=gzip', /no attribute compresion/],
    ['type=oci,dest=x,name=A', /lowercase/],
    ['type=oci,dest', /no value/],
    ['type="oci",dest=x', /quote/],
    ['type=oci,dest=x,source-date-epoch=soon', /not a number/],
  ] as const)
    assert.throws(() => parseOutput(text), { code: 'usage', message: reason }, text);
});

test('fields may be quoted', () => {
  assert.deepEqual(parseCsv('a,"b,c","d""e",'), ['a', 'b,c', 'd"e', '']);
  for (const text of ['"a', 'a"b', '"a"b']) assert.throws(() => parseCsv(text), { code: 'usage' });
});

test('annotations go where they are meant to', () => {
  const annotations = [
    ...parseAnnotation('a=1'),
    ...parseAnnotation('index,manifest:b=2'),
    ...parseAnnotation('manifest[linux/arm64]:a=3=4'),
  ];
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const arm64 = { os: 'linux', architecture: 'arm64' };
  assert.deepEqual(selectAnnotations(annotations, 'manifest', amd64), { a: '1', b: '2' });
  assert.deepEqual(selectAnnotations(annotations, 'manifest', arm64), { a: '3=4', b: '2' });
  assert.deepEqual(selectAnnotations(annotations, 'index'), { b: '2' });
  assert.equal(selectAnnotations(annotations, 'index-descriptor'), undefined);
  for (const text of ['a', '=b', 'nowhere:a=b', 'index[linux/amd64]:a=b', 'manifest:=b'])
    assert.throws(() => parseAnnotation(text), { code: 'usage' }, text);
});

test('an epoch is a number of seconds', () => {
  assert.equal(parseEpoch('0'), 0);
  for (const text of ['', '-1', '1.5', '1e3', '999999999999'])
    assert.throws(() => parseEpoch(text), { code: 'usage' });
});

test('what would fail when all is built is refused before', () => {
  assert.throws(() => checkOutput(parseOutput('type=registry')), /without a name cannot be pushed/);
  checkOutput(parseOutput('type=registry,name=localhost:5000/app'));
  const docker = parseOutput('type=docker,dest=app.tar');
  checkOutput(docker);
  assert.throws(() => checkOutput(docker, true), /one platform only/);
  checkOutput(parseOutput('type=oci,dest=app.tar'), true);
});
