import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv } from '../util/csv.ts';
import { parseAnnotation, selectAnnotations } from './annotations.ts';
import { parseEpoch } from './attributes.ts';
import { checkOutputs, type ExpectedResult } from './check.ts';
import { parseOutput } from './outputs.ts';

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
  assert.equal(parseOutput('type=registry,push=false').push, true);
  for (const type of ['oci', 'tar']) assert.equal(parseOutput(`type=${type}`).dest, '-');
});

test('an output that makes no sense is refused with the reason', () => {
  for (const [text, reason] of [
    ['', /empty/],
    ['type=zip,dest=x', /Unknown output type/],
    ['dest=x', /no type/],
    ['type=docker,tar=false', /needs a destination/],
    ['type=local', /needs a destination/],
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
  const check = (text: string | string[], result: Partial<ExpectedResult> = {}): void =>
    checkOutputs([text].flat().map(parseOutput), { platforms: ['linux/amd64'], index: false, ...result });
  const index = { platforms: ['linux/amd64', 'linux/arm64'], index: true };
  const attested = { attestations: [{ inlineOnly: false }] };
  for (const [text, reason, result] of [
    ['type=registry', /without a name cannot be pushed/],
    ['type=docker,dest=app.tar', /one platform only/, index],
    ['type=docker,dest=app.tar', /cannot hold attestations/, attested],
    ['type=image,oci-mediatypes=false', /Attestations need OCI media types/, attested],
    ['type=image,oci-mediatypes=false,oci-artifact=true', /need OCI media types/],
    ['type=image,oci-mediatypes=false,annotation-manifest-descriptor.a=b', /need OCI media types/],
    ['type=image,oci-mediatypes=false,annotation-index.a=b', /need OCI media types/, index],
    ['type=image,annotation-index.a=b', /no index to annotate/],
    ['type=oci,dest=x,annotation-index.a=b', /no index/, { attestations: [{ inlineOnly: true }] }],
    ['type=image,annotation[linux/s390x].a=b', /annotation for linux\/s390x, which is not built/, index],
    [['-', 'type=oci'], /Only one output can go to standard output/],
  ] as const)
    assert.throws(() => check([text].flat(), result), { code: 'usage', message: reason }, String(text));
  check('type=registry,name=localhost:5000/app');
  check('type=registry,dangling-name-prefix=localhost:5000/app');
  check('type=docker,dest=app.tar');
  check('type=docker,dest=app.tar', { attestations: [{ inlineOnly: true }] });
  check('type=oci,dest=app.tar', index);
  check('type=image,oci-mediatypes=false,annotation.a=b');
  check('type=image,oci-mediatypes=false,compression=zstd');
  check('type=image,annotation-index.a=b', { attestations: [{ inlineOnly: true }] });
  check('type=image,annotation[linux/arm64].a=b', index);
});

test('each type of output has the attributes of BuildKit’s exporter, and no others', () => {
  const values: Record<string, string> = {
    name: 'app',
    'dangling-name-prefix': 'localhost/none',
    compression: 'zstd',
    'compression-level': '7',
    'source-date-epoch': '1',
    'attestation-prefix': 'a.',
    mode: 'delete',
    'annotation.a': 'b',
    'annotation-index.a': 'b',
    'annotation-manifest[linux/arm64].a': 'b',
    'prefer-nondist-layers': 'false',
  };
  const image = [
    'name oci-mediatypes oci-artifact attestation-inline prefer-nondist-layers source-date-epoch compression',
    'compression-level force-compression rewrite-timestamp buildinfo annotation.a annotation-index.a',
    'annotation-manifest[linux/arm64].a',
  ].join(' ');
  const push =
    'push push-by-digest registry.insecure unpack store dangling-name-prefix danging-name-empty-only name-canonical';
  const files = 'attestation-prefix platform-split source-date-epoch';
  const own: Record<string, string> = {
    image: `${image} ${push}`,
    registry: `${image} ${push}`,
    oci: `${image} tar dest`,
    docker: `${image} tar dest`,
    local: `${files} mode dest`,
    tar: `${files} dest`,
    cacheonly: '',
  };
  const all = new Set([...Object.values(own).flatMap(each => each.split(' ')), 'foo', 'constructor']);
  for (const [type, attributes] of Object.entries(own))
    for (const each of all) {
      if (each === '') continue;
      const dest = type === 'local' && each !== 'dest' ? ',dest=out' : '';
      const text = `type=${type}${dest},${each}=${values[each] ?? (each === 'dest' ? 'out' : 'true')}`;
      if (attributes.split(' ').includes(each)) parseOutput(text);
      else assert.throws(() => parseOutput(text), /has no (attribute|destination)/, text);
    }
  assert.throws(() => parseOutput('type=image,prefer-nondist-layers=true'), { code: 'unsupported' });
  assert.throws(() => parseOutput('type=image,dangling-name-prefix=a:1'), { code: 'usage' });
});
