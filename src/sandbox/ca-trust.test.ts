import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hostTrust } from './ca-trust.ts';
import { cannotRun, filesBelow, LayerFixture, runLine } from './testing.ts';

describe("the host's trust", () => {
  let dir: string;
  let [whole, extra] = ['', ''];
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'stagecraft-trust-'));
    [whole, extra] = [join(dir, 'whole.crt'), join(dir, 'extra.crt')];
    writeFileSync(whole, 'WHOLE');
    writeFileSync(extra, 'EXTRA');
  });
  after(() => rmSync(dir, { recursive: true }));

  it('is the bundle named in SSL_CERT_FILE, mounted as it is', () => {
    const { mounts, env } = hostTrust({ SSL_CERT_FILE: whole });
    assert.equal(mounts.length, 1);
    const { target } = mounts[0]!;
    assert.deepEqual(mounts[0], { type: 'bind', source: whole, target, readonly: true });
    for (const name of [
      'SSL_CERT_FILE',
      'NODE_EXTRA_CA_CERTS',
      'CURL_CA_BUNDLE',
      'REQUESTS_CA_BUNDLE',
      'PIP_CERT',
      'GIT_SSL_CAINFO',
    ])
      assert.ok(env.includes(`${name}=${target}`), name);
  });

  it('has what NODE_EXTRA_CA_CERTS adds besides all the rest', () => {
    const [mount] = hostTrust({ SSL_CERT_FILE: whole, NODE_EXTRA_CA_CERTS: extra }).mounts;
    assert.ok(mount?.type === 'secret');
    assert.equal(Buffer.from(mount.data).toString(), 'WHOLE\nEXTRA\n');
    const same = hostTrust({ SSL_CERT_FILE: whole, NODE_EXTRA_CA_CERTS: whole }).mounts[0];
    assert.equal(same?.type, 'bind');
  });

  it('is an error where a named bundle cannot be read', () => {
    assert.throws(() => hostTrust({ SSL_CERT_FILE: join(dir, 'none') }), /SSL_CERT_FILE names .*none/);
  });

  it('is there for a step, and leaves no trace in its layer', { skip: cannotRun }, async () => {
    const fixture = new LayerFixture();
    try {
      for (const env of [{ SSL_CERT_FILE: whole }, { SSL_CERT_FILE: whole, NODE_EXTRA_CA_CERTS: extra }]) {
        const trust = hostTrust(env);
        const { out, upper } = await runLine('builtin', fixture, 'cat "$SSL_CERT_FILE"', {
          mounts: trust.mounts,
          env: ['PATH=/bin', ...trust.env],
        });
        assert.match(out, /^WHOLE/);
        assert.deepEqual(filesBelow(upper), []);
      }
    } finally {
      fixture.remove();
    }
  });
});
