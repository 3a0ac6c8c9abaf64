import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { buildah, docker, type Topic } from '../case.ts';

export const copy: Topic = {
  name: 'COPY',
  cases: [
    {
      name: 'modes, links and empty directories of a copied tree',
      dockerfile: 'FROM scratch\nCOPY tree /tree\nCOPY tree/link /links/\n',
      files: {
        'tree/program': { content: '#!/bin/sh', mode: 0o755 },
        'tree/private': { content: 'p', mode: 0o600 },
        'tree/special': { content: 's', mode: 0o6755 },
        'tree/sticky': { directory: true, mode: 0o1777 },
        'tree/empty': { directory: true, mode: 0o700 },
        'tree/link': { link: 'program' },
        'tree/dangling': { link: '/nowhere' },
        'tree/directory-link': { link: 'sticky' },
      },
      without: { buildah: buildah.special },
    },
    {
      name: 'patterns, and what a slash at the end means',
      dockerfile: `FROM scratch
COPY *.txt /texts/
COPY d?r /one/
COPY dir /two
COPY dir/ /three/
COPY a.txt four
COPY a.txt /five/six/
COPY [ "a b", "/with space/" ]
ADD [a]*.txt dir /mixed/
`,
      files: { 'a.txt': 'a', 'b.txt': 'b', 'dir/x': 'x', 'dir/sub/y': 'y', 'dor/z': 'z', 'a b': 'space' },
    },
    {
      name: 'a copy onto what is there already',
      dockerfile: `FROM busybox
RUN mkdir -m 700 /there /there/sub && echo old >/there/file && echo keep >/there/kept && ln -s there /alias && mkdir /real && ln -s /real /there/inner
COPY tree /there
COPY tree/file /alias/through
COPY tree/sub /there/inner/
`,
      files: { 'tree/file': 'new', 'tree/sub/deep': 'd' },
    },
    {
      name: 'ranges, negated ranges and escapes of patterns',
      dockerfile: `FROM scratch
COPY [a-c].txt /range/
COPY [^a-c].txt /outside/
COPY file-[0-9][0-9] /digits/
COPY *\\*\\* /star/
COPY d*/*.c /sources/
`,
      files: {
        'a.txt': 'a',
        'b.txt': 'b',
        'd.txt': 'd',
        'file-01': '1',
        'file-x1': 'x',
        'two**': 'stars',
        'two-': 'none',
        'd1/x.c': 'x',
        'd2/y.c': 'y',
        'd2/y.h': 'h',
        'e/z.c': 'z',
      },
    },
    {
      name: 'a pattern that finds directories copies what they hold',
      dockerfile: 'FROM scratch\nCOPY pack* /all/\n',
      files: { 'pack-a/one': '1', 'pack-a/sub/deep': 'd', 'pack-b/two': '2', package: 'file' },
    },
    {
      name: 'hidden files are files like any other',
      dockerfile: 'FROM scratch\nCOPY . /all/\nCOPY .h* /hidden/\nCOPY * /star/\n',
      files: { '.hidden': 'h', '.directory/.inner': 'i', shown: 's' },
    },
    {
      name: 'paths that go up and round about',
      dockerfile: `FROM scratch
COPY ./a/../b/./file /one/../two/./file
COPY /b/file /rooted
COPY ../../b/file /above
COPY b//file //double//slash/
`,
      files: { 'a/x': '', 'b/file': 'f' },
    },
    {
      name: 'the whole context, under three names',
      dockerfile: 'FROM scratch\nCOPY . /dot\nCOPY / /slash/\nCOPY ./ /dot-slash/\n',
      files: { a: 'a', 'dir/b': 'b' },
    },
    {
      name: 'relative targets follow the working directory',
      dockerfile: `FROM scratch
COPY file one
WORKDIR /work
COPY file two
COPY file ./three/
COPY file ../four
COPY dir .
COPY dir sub
`,
      files: { file: 'f', 'dir/x': 'x' },
    },
    {
      name: 'files of the image take the place of others',
      dockerfile: `FROM busybox
RUN mkdir -p /a/sub && echo 1 >/a/file && ln -s file /a/link && echo 2 >/a/sub/x && chmod 600 /a/file
COPY new /a/file
COPY new /a/link
COPY new /a/sub/x
COPY tree /a/sub
`,
      files: { new: 'new', 'tree/x': 'third', 'tree/y': 'y' },
      without: { buildah: 'Buildah writes over a link, Docker through it' },
    },
    {
      name: 'several sources of all kinds into one directory',
      dockerfile: 'FROM scratch\nCOPY file dir *.md link sub/inner /to/\n',
      files: {
        file: 'f',
        'dir/in': 'in',
        'dir/deep/er': 'er',
        'a.md': 'a',
        'b.md': 'b',
        link: { link: 'file' },
        'sub/inner': 'inner',
      },
    },
    {
      name: 'several sources make a directory, without a slash at its end',
      dockerfile: 'FROM scratch\nCOPY a b /x\n',
      files: { a: 'a', b: 'b' },
      without: { buildah: 'Buildah wants the slash' },
    },
    {
      name: 'a later source wins where two have the same name',
      dockerfile: 'FROM scratch\nCOPY one/same two/same /to/\nCOPY one two /merged/\n',
      files: { 'one/same': '1', 'two/same': '2', 'one/dir/a': 'a', 'two/dir/b': 'b' },
    },
    {
      name: 'JSON words, with spaces, quotes and nothing to expand but variables',
      dockerfile: `FROM scratch
ENV TO=target
COPY ["with space", "two  spaces", "/\${TO}/"]
COPY [ "plain" , "/plain" ]
`,
      files: { 'with space': 's', 'two  spaces': 't', plain: 'p' },
    },
    {
      name: 'quotes around plain words',
      dockerfile: 'FROM scratch\nCOPY "plain" /quoted\nCOPY \'plain\' /single\n',
      files: { plain: 'p' },
    },
    {
      name: 'a space ends a plain word, escaped or not',
      dockerfile: 'FROM scratch\nCOPY with\\ space /escaped\n',
      files: { 'with space': 's' },
      refused: /"with"/,
    },
    {
      name: 'a pattern that finds nothing copies nothing',
      dockerfile: 'FROM scratch\nCOPY *.nothing /none/\nCOPY *.nothing file /one/\n',
      files: { file: 'f' },
      without: { buildah: 'Buildah refuses it' },
    },
    {
      name: 'variables in sources and targets',
      dockerfile: `FROM scratch
ARG WHAT=file
ENV WHERE=/to KIND=txt
COPY $WHAT.$KIND \${WHERE}/\${WHAT}-copy
COPY \${WHAT}.* "$WHERE/all/"
`,
      files: { 'file.txt': 't', 'file.md': 'm' },
    },
    {
      name: 'empty files and empty directories',
      dockerfile: 'FROM scratch\nCOPY empty /a\nCOPY hollow /b\nCOPY hollow/ /c/d/\nCOPY empty hollow /e/\n',
      files: { empty: '', hollow: { directory: true, mode: 0o755 } },
    },
    {
      name: 'large and sparse files',
      dockerfile: `FROM busybox
RUN dd if=/dev/zero of=/sparse bs=1 count=0 seek=20000000 && printf end >>/sparse && dd if=/dev/zero of=/zeros bs=1M count=3 && seq 1 300000 >/numbers
FROM scratch
COPY --from=0 /sparse /zeros /numbers /
`,
    },
    {
      name: 'extended attributes of the context do not come along',
      dockerfile: `FROM scratch AS first
COPY file /file
COPY dir /dir
FROM scratch
COPY file /file
COPY --from=first /file /dir /second/
`,
      files: { file: 'f', 'dir/inner': 'i' },
      prepare(context) {
        for (const [name, path] of [
          ['user.one', 'file'],
          ['user.two', 'dir'],
          ['user.three', 'dir/inner'],
        ] as const)
          execFileSync('setfattr', ['-n', name, '-v', `value of ${name}`, join(context, path)]);
      },
      without: { buildah: 'Buildah takes them' },
    },
    {
      name: 'file capabilities',
      dockerfile: `FROM busybox
ADD caps.tar /
COPY --from=busybox /bin/busybox /plain
RUN mv /program /moved
FROM scratch
COPY --from=0 /moved /copied
`,
      files: { program: { content: 'x', mode: 0o755 } },
      prepare(context) {
        execFileSync('setcap', ['cap_net_raw+ep', join(context, 'program')]);
        const file = join(context, 'caps.tar');
        execFileSync('tar', [
          '-C',
          context,
          '--xattrs',
          '--xattrs-include=security.*',
          '-cf',
          file,
          'program',
        ]);
      },
    },
    {
      name: 'into directories that several steps made',
      dockerfile: `FROM scratch
COPY a /dir/sub/
COPY a /dir/other
COPY a /dir/sub/more/
COPY b/ /dir/
`,
      files: { a: 'a', 'b/sub/x': 'x', 'b/y': 'y' },
    },
    {
      name: 'a link in the image on the way to the target',
      dockerfile: `FROM busybox
RUN mkdir -p /real/sub && ln -s /real /absolute && ln -s real relative && ln -s ../../real/sub /real/up && ln -s /not-there /dangling
COPY file /absolute/a
COPY file /relative/b
COPY file /real/up/c
COPY dir /absolute/sub/
COPY file /dangling/inside
`,
      files: { file: 'f', 'dir/x': 'x' },
    },
    {
      name: 'modes by --chmod',
      dockerfile: `FROM busybox
RUN mkdir /b
COPY --chmod=0751 file /a
COPY --chmod=0604 tree/* /b/
ADD --chmod=444 file /c
`,
      // Of files only, and plain ones.
      files: { file: 'f', 'tree/x': { content: 'x', mode: 0o600 }, 'tree/link': { link: 'x' } },
    },
    {
      name: 'modes of directories by --chmod',
      dockerfile: 'FROM scratch\nCOPY --chmod=0705 tree /tree\nCOPY --chmod=4755 tree/x /x\n',
      files: { 'tree/x': { content: 'x', mode: 0o600 }, 'tree/sub/y': 'y' },
      without: { docker: docker.modes, buildah: 'Buildah gives the mode to files alone' },
    },
  ],
};
