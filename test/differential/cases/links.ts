import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Topic } from '../case.ts';

export const links: Topic = {
  name: 'links',
  cases: [
    {
      name: 'hard links within and across layers',
      dockerfile: `FROM busybox
RUN mkdir /h && echo 1 >/h/a && ln /h/a /h/b
RUN ln /h/a /h/c && echo other >/h/x && ln /h/x /h/y
RUN rm /h/b
FROM busybox
COPY --from=0 /h/x /h/y /copied/
`,
    },
    {
      name: 'hard links of the context',
      dockerfile: 'FROM scratch\nCOPY tree /tree\nCOPY tree/a tree/sub/b /both/\n',
      files: { 'tree/a': 'a', 'tree/sub/x': 'x' },
      prepare: context => execFileSync('ln', [join(context, 'tree/a'), join(context, 'tree/sub/b')]),
    },
    {
      name: 'a link as the source is followed, links inside of it are not',
      dockerfile: `FROM scratch
COPY to-file /a
COPY to-dir /b
COPY to-dir/ /c/
COPY to-dir/inner /d
COPY chain /e
`,
      files: {
        'real/inner': 'i',
        'real/relative': { link: 'inner' },
        'real/absolute': { link: '/somewhere' },
        'to-file': { link: 'real/inner' },
        'to-dir': { link: 'real' },
        chain: { link: 'to-file' },
      },
    },
    {
      name: 'a link of the context that goes out of it ends at its root',
      dockerfile: 'FROM scratch\nCOPY rooted /a\nCOPY above /b\n',
      files: { 'real/file': 'f', rooted: { link: '/real/file' }, above: { link: '../../../real/file' } },
    },
    {
      name: 'links in place of files, and files in place of links',
      dockerfile: `FROM busybox
RUN mkdir /t && echo file >/t/was-file && ln -s was-file /t/was-link && mkdir /t/was-dir
COPY tree /t
`,
      files: { 'tree/was-file': { link: 'elsewhere' }, 'tree/was-link': 'now a file' },
    },
    {
      name: 'a step that writes through links',
      dockerfile: `FROM busybox
RUN mkdir -p /real/dir && ln -s real /way && ln -s /real/dir /direct && echo 1 >/way/one && echo 2 >/direct/two
RUN echo more >>/way/dir/two && rm /direct && mkdir /direct && echo 3 >/direct/three
`,
    },
    {
      name: 'a loop of links can be copied',
      dockerfile: 'FROM scratch\nCOPY loop /loop\nCOPY --from=busybox /bin/sh /sh\n',
      files: { 'loop/a': { link: 'b' }, 'loop/b': { link: 'a' }, 'loop/self': { link: 'self' } },
    },
    {
      name: 'links between stages: followed where named, kept where found',
      dockerfile: `FROM busybox AS make
RUN mkdir -p /o/dir/sub /o/empty && echo 1 >/o/dir/a && echo 2 >/o/dir/sub/b && chown -R 11:12 /o/dir && ln -s dir/a /o/link && ln -s dir /o/dirlink && ln -s /o/dir/sub /o/absolute && chmod 3770 /o/empty
FROM scratch AS other
COPY --from=make /o/dir /dir
FROM busybox
COPY --from=make /o /whole
COPY --from=make /o/dir /o/empty /two/
COPY --from=make /o/l* /globbed/
COPY --from=make /o/link /followed
COPY --from=make /o/dirlink /dirlink
COPY --from=make /o/dirlink/ /dirlink-slash/
COPY --from=make /o/absolute/b /absolute-b
COPY --from=other / /other/
COPY --from=0 --chown=1:1 /o/dir/ /changed
`,
    },
  ],
};
