import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from '../../support/workspace.ts';
import { docker, type Topic } from '../case.ts';

const packed: Files = {
  'in/dir/file': { content: 'packed', mode: 0o640 },
  'in/dir/program': { content: 'p', mode: 0o755 },
  'in/link': { link: 'dir/file' },
};

/**
 * Packs `in` of a context into an archive; owners are part of what is unpacked. Each case has a name of its own for it: a
 * daemon takes files of the same name, size and age for the same.
 */
function pack(name: string, ...flags: readonly string[]): (context: string) => void {
  return context => {
    execFileSync('chown', ['-R', '12:34', join(context, 'in')]);
    const names = readdirSync(join(context, 'in'));
    execFileSync('tar', ['-C', join(context, 'in'), ...flags, '-cf', join(context, name), ...names]);
  };
}

export const add: Topic = {
  name: 'ADD',
  cases: [
    {
      name: 'archives are unpacked, over what is there',
      dockerfile: `FROM busybox
RUN mkdir -p /onto/dir && echo old >/onto/dir/file && ln -s dir /onto/way
ADD a.tar.gz /new/
ADD a.tar.gz /onto
COPY a.tar.gz /kept.tar.gz
ADD not-an-archive.tar /plain/
`,
      files: { ...packed, 'in/dir/special': { content: 's', mode: 0o4755 }, 'not-an-archive.tar': 'text' },
      prepare(context) {
        execFileSync('ln', [join(context, 'in/dir/file'), join(context, 'in/hard')]);
        execFileSync('mkfifo', [join(context, 'in/fifo')]);
        execFileSync('chown', ['-R', '12:34', join(context, 'in')]);
        execFileSync('tar', ['-C', join(context, 'in'), '-czf', join(context, 'a.tar.gz'), '.']);
      },
      without: { buildah: 'Buildah takes the owner of the target from an archive' },
    },
    ...(
      [
        ['no', 'a.tar', ''],
        ['gzip', 'a.tgz', '-z'],
        ['bzip2', 'a.tar.bz2', '-j'],
        ['xz', 'a.txz', '-J'],
      ] as const
    ).map(([compression, name, flag]) => ({
      name: `an archive of ${compression} compression`,
      dockerfile: `FROM scratch\nADD ${name} /to/\n`,
      files: packed,
      prepare: pack(name, ...(flag === '' ? [] : [flag])),
    })),
    {
      name: 'what a file is decides, not its name',
      dockerfile: 'FROM scratch\nADD archive /a/\nADD text.tar.gz /b/\n',
      files: { ...packed, 'text.tar.gz': 'no archive at all' },
      prepare: pack('archive', '-z'),
    },
    {
      name: 'a compressed file that is no archive is copied as it is',
      dockerfile: 'FROM scratch\nADD notes.gz /a/\nADD notes.gz /b\n',
      files: { notes: 'only text' },
      prepare: context => execFileSync('gzip', ['-n', join(context, 'notes')]),
    },
    {
      name: 'archives, files and directories at once',
      dockerfile: 'FROM scratch\nADD mixed.tar file dir /to/\n',
      files: { ...packed, file: 'f', 'dir/x': 'x' },
      prepare: pack('mixed.tar'),
    },
    {
      name: 'an archive into the root',
      dockerfile: 'FROM busybox\nADD root.tar /\nADD root.tar .\n',
      files: packed,
      prepare: pack('root.tar'),
    },
    {
      name: 'an archive goes through a link to a directory',
      dockerfile:
        'FROM busybox\nRUN mkdir /real && ln -s real /way && ln -s ../real /real/dir\nADD way.tar /way/\n',
      files: packed,
      prepare: pack('way.tar'),
    },
    {
      name: 'owners for what is unpacked',
      dockerfile: 'FROM scratch\nADD --chown=5:6 owned.tar /to/\nADD --chown=7 file /to/file\n',
      files: { ...packed, file: 'f' },
      prepare: pack('owned.tar'),
      without: { docker: docker.newer, buildah: 'Buildah keeps those of the archive' },
    },
    {
      name: 'archives with long names, in both tar formats',
      dockerfile: 'FROM scratch\nADD pax.tar /pax/\nADD gnu.tar /gnu/\n',
      files: {
        [`in/${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`]: 'deep',
        'in/\u00fc\u4e2d': 'wide',
        'in/link': { link: 'x'.repeat(150) },
      },
      prepare(context) {
        pack('pax.tar', '--format=pax')(context);
        pack('gnu.tar', '--format=gnu')(context);
      },
    },
    {
      name: 'an archive that tells a file twice, and directories late or never',
      dockerfile: 'FROM scratch\nADD twice.tar /to/\n',
      files: { 'one/dir/file': 'first', 'two/dir/file': 'second', 'two/dir/sub/deep': 'd' },
      prepare(context) {
        const file = join(context, 'twice.tar');
        execFileSync('tar', ['-C', join(context, 'one'), '-cf', file, 'dir/file']);
        execFileSync('tar', ['-C', join(context, 'two'), '-rf', file, 'dir/file', 'dir/sub/deep']);
        execFileSync('tar', [
          '-C',
          join(context, 'two'),
          '--no-recursion',
          '--mode=0700',
          '-rf',
          file,
          'dir',
        ]);
      },
    },
    {
      name: 'an archive whose names go up stays below its target',
      dockerfile: 'FROM scratch\nADD rooted.tar /to/\n',
      files: { 'in/x/up': 'up', 'in/rooted': 'r' },
      prepare(context) {
        const tar = ['-C', join(context, 'in'), '-P', '-cf', join(context, 'rooted.tar')];
        execFileSync('tar', [...tar, '--transform=s,^rooted,/rooted,', 'rooted']);
      },
    },
    {
      name: 'an archive of another stage is unpacked by nobody',
      dockerfile:
        'FROM scratch AS first\nCOPY stage.tar /stage.tar\nFROM scratch\nCOPY --from=first /stage.tar /to/\n',
      files: packed,
      prepare: pack('stage.tar'),
    },
  ],
};
