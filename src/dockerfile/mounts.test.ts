import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StagecraftError } from '../util/errors.ts';
import { resolveMount } from './mounts.ts';
import { errorOf, parseOne } from './testing.ts';
import type { Mount } from './types.ts';

function mount(text: string, expand = (value: string) => value): Mount {
  return resolveMount(parseOne('RUN', `RUN --mount=${text} true`).mounts[0]!, expand);
}

const refusal = (text: string) => {
  try {
    mount(text);
  } catch (error) {
    const { message, hint, range } = error as StagecraftError;
    return `${range!.start.line}:${range!.start.column} ${message} ${hint ?? ''}`;
  }
  return assert.fail('It was accepted.');
};

test('a mount is a read-only bind mount unless it says otherwise', () => {
  assert.deepEqual(mount('target=/src'), {
    type: 'bind',
    from: '',
    source: '',
    target: '/src',
    readOnly: true,
    sizeLimit: 0,
    id: '',
    sharing: undefined,
    required: false,
    env: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  });
  assert.equal(mount('target=/src,rw').readOnly, false);
  assert.equal(mount('target=/src,readonly=0').readOnly, false);
});

test('caches and tmpfs are writable, with what belongs to them', () => {
  const cache = mount('TYPE=Cache,dst=/c,id=x,sharing=LOCKED,from=base,src=/s,mode=0750,uid=1,gid=2');
  assert.deepEqual(
    [cache.type, cache.target, cache.id, cache.sharing, cache.from, cache.source, cache.readOnly],
    ['cache', '/c', 'x', 'locked', 'base', '/s', false],
  );
  assert.deepEqual([cache.mode, cache.uid, cache.gid], [0o750, 1, 2]);
  assert.equal(mount('type=cache,destination=/c,ro').readOnly, true);
  assert.equal(mount('type=tmpfs,target=/t,size=1.5k').sizeLimit, 1536);
  assert.equal(mount('type=tmpfs,target=/t,size=64MiB').sizeLimit, 64 * 2 ** 20);
});

test('secrets and agents may be required, and be a variable', () => {
  const secret = mount('type=secret,id=token,env=TOKEN,required');
  assert.deepEqual([secret.id, secret.env, secret.required, secret.readOnly], ['token', 'TOKEN', true, true]);
  assert.equal(mount('type=ssh,required=false').required, false);
});

test('fields may be quoted, so that values can hold commas', () => {
  assert.equal(mount(`'type=cache,"target=/a,b ""c"""'`).target, '/a,b "c"');
  assert.match(errorOf('FROM a\nRUN --mount=a\\"b c'), /^2:5 .*double quote/);
  assert.match(errorOf('FROM a\nRUN --mount= b'), /empty/);
});

test('variables are expanded in every value except "from"', () => {
  const expand = (value: string) => value.replace('$X', 'cache');
  assert.equal(mount('type=$X,target=/$X', expand).target, '/cache');
  assert.match(errorOf('FROM a\nRUN --mount=from=$X,target=/x b'), /^2:5 .*from=\$X.*stage of its own/);
});

test('what does not go together is refused at the flag', () => {
  assert.match(refusal('type=bnid,target=/x'), /^2:5 There is no type of mount "bnid"\. Did you mean bind\?/);
  assert.match(refusal('type=cache,sharing=all'), /way of sharing "all".*shared, private, locked/);
  assert.match(refusal('tagret=/x'), /no key "tagret"\. Did you mean target\?/);
  assert.match(refusal('constructor=/x'), /no key/);
  assert.match(refusal('target'), /"target" in a --mount needs a value/);
  assert.match(refusal('ro=maybe'), /"maybe" is not true or false/);
  assert.match(refusal('type=cache,mode=9'), /"9" is not an octal mode/);
  assert.match(refusal('type=cache,uid=-1'), /"-1" is not a number/);
  assert.match(refusal('uid=1'), /type bind has no uid/);
  assert.match(refusal('type=tmpfs,mode=1'), /type tmpfs has no mode/);
  assert.match(refusal('size=1,type=tmpfs'), /type bind has no size.*left to right/);
  assert.match(refusal('type=tmpfs,size=x'), /"x" is not a size/);
  assert.match(refusal('required'), /type bind has no required/);
  assert.match(refusal('sharing=shared'), /type bind has no sharing/);
  assert.match(refusal('type=secret'), /needs a name/);
  assert.match(refusal('type=secret,id=a,from=b'), /"from"/);
  assert.match(refusal('type=secret,id=a,source=b'), /one name/);
});
