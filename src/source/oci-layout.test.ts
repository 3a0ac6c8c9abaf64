import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLayoutReference } from './oci-layout.ts';

test('a layout is named by its path, a tag and a digest', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const [text, expected] of [
    ['oci-layout://dir', { path: 'dir' }],
    ['oci-layout:///srv/images:v1.2', { path: '/srv/images', tag: 'v1.2' }],
    [`oci-layout://dir@${digest}`, { path: 'dir', digest }],
    [`oci-layout://a:b/dir:tag@${digest}`, { path: 'a:b/dir', tag: 'tag', digest }],
    ['oci-layout://dir@sha256:short', { path: 'dir@sha256', tag: 'short' }],
    ['oci-layout://a:b/dir', { path: 'a:b/dir' }],
  ] as const)
    assert.deepEqual(parseLayoutReference(text), expected, text);
  for (const other of ['dir', 'docker-image://x', 'oci-layout:dir'])
    assert.equal(parseLayoutReference(other), undefined);
});
