import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { formatFstab, type MountLine, overlayLines } from './overlay.ts';
import { cannotRun, LayerFixture } from './testing.ts';

const place = { base: '/store/layers', spare: '/scratch/lower', xattrs: 'trusted' } as const;
const upper = { dir: '/store/layers/new/fs', workDir: '/store/layers/new/work' };

function lowerOf({ options }: MountLine): string[] {
  return options
    .find(each => each.startsWith('lowerdir='))!
    .slice('lowerdir='.length)
    .split(':');
}

function layers(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `/store/layers/${index.toString(36).padStart(8, '0')}/fs`,
  );
}

describe('the mounts of an overlay', () => {
  it('name layers by short paths, the topmost first', () => {
    const [line, ...more] = overlayLines({ layers: layers(3), upper }, '/scratch/root', place);
    assert.equal(more.length, 0);
    assert.deepEqual(lowerOf(line!), ['00000002/fs', '00000001/fs', '00000000/fs']);
    assert.ok(line!.options.includes('upperdir=new/fs') && line!.options.includes('workdir=new/work'));
  });

  it('fit into the page of options that the kernel takes, however many layers there are', () => {
    for (const count of [1, 2, 300, 341, 342, 500, 501, 700, 900]) {
      const lines = overlayLines({ layers: layers(count), upper }, '/scratch/root', place);
      for (const { options } of lines) {
        const passed = options.filter(each => !each.startsWith('X-'));
        assert.ok(passed.join(',').length < 4096, `${count} layers`);
      }
      // Helpers are lower directories of the last mount, and all layers are there once, in order.
      const byPlace = new Map(lines.map(line => [line.target, lowerOf(line)]));
      const flat = byPlace.get('/scratch/root')!.flatMap(each => byPlace.get(each) ?? [each]);
      assert.deepEqual(
        flat.toReversed(),
        layers(count).map(each => each.slice('/store/layers/'.length)),
        `${count} layers`,
      );
      for (const line of lines) assert.ok(lowerOf(line).length <= 500);
    }
  });

  it('name a layer once, at its topmost place', () => {
    const [a, b, c] = layers(3) as [string, string, string];
    const [line] = overlayLines({ layers: [a, b, a, c, b], upper }, '/scratch/root', place);
    assert.deepEqual(lowerOf(line!), ['00000001/fs', '00000002/fs', '00000000/fs']);
  });

  it('are a plain bind mount where there is nothing below', () => {
    assert.deepEqual(overlayLines({ layers: [], upper }, '/scratch/root', place), [
      { source: upper.dir, target: '/scratch/root', type: 'none', options: ['bind', 'X-mount.mkdir'] },
    ]);
  });

  describe('mount for real', { skip: cannotRun }, () => {
    let fixture: LayerFixture;
    beforeEach(() => {
      fixture = new LayerFixture();
    });
    afterEach(() => fixture.remove());

    /** Mounts in a namespace of its own and lists what is at a path then. */
    function listMounted(lines: readonly MountLine[], path: string): string[] {
      const fstab = join(fixture.dir, 'fstab');
      writeFileSync(fstab, formatFstab(lines));
      const script = 'mount --all --fstab "$1" && ls -A "$2"';
      const { stdout, stderr, status } = spawnSync(
        'unshare',
        ['--mount', 'sh', '-c', script, 'sh', fstab, path],
        {
          encoding: 'utf8',
          cwd: join(fixture.dir, 'layers'),
        },
      );
      assert.equal(status, 0, stderr);
      return stdout.trimEnd().split('\n');
    }

    it('whatever characters the paths have', () => {
      const odd = join(fixture.dir, 'odd, path: with #every \\thing\tü');
      for (const path of ['low', 'up', 'work', 'mnt']) mkdirSync(join(odd, path), { recursive: true });
      mkdirSync(join(odd, 'low/found'));
      const overlay = {
        layers: [join(odd, 'low')],
        upper: { dir: join(odd, 'up'), workDir: join(odd, 'work') },
      };
      const target = join(odd, 'mnt');
      const lines = overlayLines(overlay, target, {
        base: '/elsewhere',
        spare: join(odd, 'x'),
        xattrs: 'trusted',
      });
      assert.deepEqual(listMounted(lines, target), ['found']);
    });

    it('with 900 layers', () => {
      const dirs = Array.from({ length: 900 }, (_, index) => fixture.layer({ [`f${index}`]: '' }));
      const target = join(fixture.dir, 'mnt');
      const [base, spare] = [join(fixture.dir, 'layers'), join(fixture.dir, 'spare')];
      const lines = overlayLines({ layers: dirs }, target, { base, spare, xattrs: 'trusted' });
      assert.equal(listMounted(lines, target).length, 900);
    });

    it('with one layer and nothing to write to', () => {
      const target = join(fixture.dir, 'mnt');
      const [base, spare] = [join(fixture.dir, 'layers'), join(fixture.dir, 'spare')];
      const lines = overlayLines({ layers: [fixture.layer({ one: '' })] }, target, {
        base,
        spare,
        xattrs: 'trusted',
      });
      assert.deepEqual(listMounted(lines, target), ['one']);
    });
  });
});
