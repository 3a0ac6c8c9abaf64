import { docker, type Topic } from '../case.ts';

const tree = {
  'a.md': '',
  'b.txt': '',
  'sub/a.md': '',
  'sub/b.txt': '',
  'sub/deep/a.md': '',
  'sub/deep/c.log': '',
  'other/a.md': '',
} as const;

/** Copies all that is left. */
const dockerfile = 'FROM scratch\nCOPY . /\n';

export const ignore: Topic = {
  name: 'ignore files',
  cases: [
    {
      name: 'an ignore file of all kinds of patterns',
      dockerfile: 'FROM scratch\nCOPY . /all/\nCOPY src /src/\n',
      files: {
        '.dockerignore':
          '# comment\n\n*.md\n!README.md\n**/node_modules\nsrc/*/deep\n!src/a/deep/kept\n/rooted\n  spaced  \ntemp?\n.git\nDockerfile\n',
        'README.md': '',
        'other.md': '',
        'sub/other.md': '',
        'node_modules/x': '',
        'src/node_modules/y': '',
        'src/a/deep/gone': '',
        'src/a/deep/kept': '',
        'src/b/file': '',
        'rooted/x': '',
        'sub/rooted/x': '',
        spaced: '',
        temp1: '',
        temp10: '',
        '.git/config': '',
      },
    },
    {
      name: 'two stars are any number of directories',
      dockerfile,
      files: { ...tree, '.dockerignore': '**/*.md\n!**/deep/*.md\n' },
    },
    {
      name: 'the last line that fits decides',
      dockerfile,
      files: { ...tree, '.dockerignore': 'sub\n!sub/b.txt\n!sub/deep\nsub/deep/*.log\n' },
    },
    {
      name: 'everything but a few',
      dockerfile,
      files: { ...tree, '.dockerignore': '*\n!sub/deep\n!other/a.md\n' },
    },
    {
      name: 'everything, but not all below',
      dockerfile,
      files: { ...tree, '.dockerignore': '**\n!**/*.txt\n' },
      without: { docker: docker.newer, buildah: 'Buildah looks into no ignored directory' },
    },
    {
      name: 'slashes at the ends, dots and double slashes',
      dockerfile,
      files: { ...tree, '.dockerignore': '/a.md\n./b.txt\nsub/deep/\nother//a.md\nsub/../sub/a.md\n' },
    },
    {
      name: 'escapes, ranges and question marks',
      dockerfile,
      files: {
        '.dockerignore': '\\#hash\n\\!mark\n[ab]1\n?2\nx\\*y\n[^c]3\n',
        '#hash': '',
        '!mark': '',
        a1: '',
        b1: '',
        c1: '',
        a2: '',
        ab2: '',
        'x*y': '',
        xzy: '',
        c3: '',
        d3: '',
      },
    },
    {
      name: 'a directory that is ignored, and files of it that are not',
      dockerfile: 'FROM scratch\nCOPY sub /sub\nCOPY sub/deep /deep\n',
      files: { ...tree, '.dockerignore': 'sub\n!sub/deep/a.md\n' },
    },
    {
      name: 'an ignored file is not there for a copy',
      dockerfile: 'FROM scratch\nCOPY a.md /a.md\n',
      files: { ...tree, '.dockerignore': 'a.md\n' },
      refused: /a\.md/,
    },
    {
      name: 'an ignored file is not found by a pattern',
      dockerfile: 'FROM scratch\nCOPY *.* /to/\n',
      files: { ...tree, '.dockerignore': 'a.md\n' },
    },
    {
      name: 'the ignore file of one Dockerfile',
      dockerfile: 'FROM scratch\n',
      files: {
        ...tree,
        'build/app.Dockerfile': dockerfile,
        'build/app.Dockerfile.dockerignore': '*.txt\nsub\n',
        '.dockerignore': '*.md\n',
      },
      flags: ['-f', '@/build/app.Dockerfile'],
    },
    {
      name: 'an ignore file with a BOM, carriage returns and spaces',
      dockerfile,
      files: { ...tree, '.dockerignore': '\ufeffa.md\r\n  sub/deep  \r\n\r\n# other\r\n!sub/deep/c.log\r\n' },
    },
    {
      name: 'an ignored Dockerfile and ignore file build, and are not copied',
      dockerfile,
      files: { ...tree, '.dockerignore': 'Dockerfile\n.dockerignore\nsub\nother\n' },
    },
    {
      name: 'what is ignored is not there for a mount either',
      dockerfile: 'FROM busybox\nRUN --mount=type=bind,target=/ctx find /ctx | sort >/found\n',
      files: { ...tree, '.dockerignore': '**/*.md\n' },
      mountpoints: ['/ctx'],
      without: { buildah: 'Buildah mounts the directory as it is' },
    },
  ],
};
