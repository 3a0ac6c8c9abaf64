import { execFileSync } from 'node:child_process';
import type { Topic } from '../case.ts';

/** Long enough for every extension of the tar format. */
const long = 'l'.repeat(120);

export const names: Topic = {
  name: 'names',
  cases: [
    {
      name: 'names of all kinds',
      dockerfile: `FROM busybox
COPY names /names
RUN cd /names && touch "$(printf 'line\\nbreak')" 'quote"' 'back\\slash' && ln -s "$(printf '%0150d' 7)" long-target
`,
      files: {
        'names/\u00fc\u4e2d\ud83d\ude00': 'unicode',
        'names/ space ': '',
        'names/.hidden': '',
        'names/-dash': '',
        'names/wh.not': '',
        [`names/${long}/${long}/${long}`]: 'deep',
      },
    },
    {
      name: 'names that are no UTF-8, made by a step',
      dockerfile: `FROM busybox
RUN mkdir /n && cd /n && touch "$(printf 'latin-\\374')" "$(printf '\\001control')" "$(printf 'tab\\there')" && ln -s "$(printf '\\377')" link
RUN cd /n && mv "$(printf 'latin-\\374')" "$(printf 'moved-\\376')"
`,
    },
    {
      name: 'characters of patterns in names',
      dockerfile: 'FROM scratch\nCOPY dir /all\nCOPY dir/a[[]b] /one\nCOPY ["dir/x\\\\*y", "/two"]\n',
      files: { 'dir/a[b]': 'brackets', 'dir/x*y': 'star', 'dir/xzy': 'no star', 'dir/q?': 'question' },
      without: { buildah: 'Buildah takes a name with brackets for a pattern again' },
    },
    {
      name: 'composed and decomposed letters are two names',
      dockerfile: 'FROM scratch\nCOPY dir /dir\nCOPY dir/\u00e9 /composed\n',
      files: { 'dir/\u00e9': 'composed', 'dir/e\u0301': 'decomposed' },
    },
    {
      name: 'letters outside of ASCII in the name of a stage',
      dockerfile: 'FROM busybox AS b\u00fccher\n',
      refused: /b\u00fccher/,
      without: { buildah: 'Buildah takes any word' },
    },
    {
      name: 'values outside of ASCII',
      dockerfile: `FROM busybox
ENV WORD=\u4e2d\u6587
LABEL greeting="\ud83d\ude00 $WORD"
WORKDIR /gr\u00f6\u00dfe
COPY \u00fc ./\u4e2d
RUN echo "\u00e4\u00f6\u00fc $WORD" >\ud83d\ude00
CMD ["\u00fc"]
`,
      files: { '\u00fc': 'u' },
    },
    {
      name: 'many files in one directory',
      dockerfile: 'FROM busybox\nCOPY many /many\nRUN rm /many/*7 && ls /many | wc -l >/count\n',
      prepare: context =>
        execFileSync('sh', [
          '-c',
          `mkdir '${context}/many' && cd '${context}/many' && seq 1 800 | xargs touch`,
        ]),
    },
  ],
};
