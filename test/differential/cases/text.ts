import { buildah, type Topic } from '../case.ts';

export const text: Topic = {
  name: 'the text of a Dockerfile',
  cases: [
    {
      name: 'another escape character, continuation and comments',
      dockerfile: `# escape=\`
FROM busybox
RUN echo one \`
  # not here

  two >/file
# a comment
  RUN echo indented \`
>>/file
ENV A=back\\slash
`,
      without: { buildah: buildah.words },
    },
    {
      name: 'the escape character in words',
      dockerfile: '# escape=`\nFROM busybox\nENV A=`$literal B="`"quoted`"" C=C:\\dir D=a` b\nCOPY file \\\n',
      files: { file: 'f' },
      without: { buildah: buildah.words },
    },
    {
      name: 'instructions in small and mixed letters',
      dockerfile:
        'from busybox as one\nrun echo 1 >/1\nEnv A=1\nFrom one\ncOpY --from=ONE /1 /2\ncmd ["x"]\n',
      without: { buildah: buildah.letters },
    },
    {
      name: 'tabs, and spaces in front and behind',
      dockerfile:
        '  FROM\tbusybox  \n\tRUN \t echo "a\tb"   >/file   \n \n\t\nENV\tA=1\t\tB=2\t\n  # comment\n\t# comment\n',
    },
    {
      name: 'carriage returns at the ends of lines',
      dockerfile:
        'FROM busybox\r\nENV A=1 B="two words"\r\nRUN echo one \\\r\n  two >/file\r\n# comment\r\nCMD ["x"]\r\n',
    },
    {
      name: 'a byte order mark at the start',
      dockerfile: '\ufeffFROM busybox\nRUN echo x >/x\n',
    },
    {
      name: 'a byte order mark before a directive',
      dockerfile: '\ufeff# escape=`\nFROM busybox\nRUN echo a `\n  b >/x\n',
    },
    {
      name: 'no end of the last line, or many',
      dockerfile: 'FROM busybox\nRUN echo x >/x\n\n\n\nCMD ["y"]',
    },
    {
      name: 'an escape at the end of the file',
      dockerfile: 'FROM busybox\nRUN echo x >/x \\\n',
    },
    {
      name: 'an escape and spaces at the end of a line',
      dockerfile: 'FROM busybox\nRUN echo one \\  \n  two >/x\nENV A=1 \\\t\n  B=2\n',
    },
    {
      name: 'a comment in the middle of a line is none',
      dockerfile: 'FROM busybox\nENV A=a#b B="# x"\nRUN echo a # b >/x\nRUN echo "# c" >/y\nLABEL c=#d\n',
    },
    {
      name: 'comments first, then directives no more',
      dockerfile: '# a comment\n# escape=`\nFROM busybox\nRUN echo a \\\n  b >/x\n',
    },
    {
      name: 'directives that are unknown, and after an empty line',
      dockerfile: '# unknown=x\n# other = y\n\n# escape=`\nFROM busybox\nRUN echo a \\\n  b >/x\n',
    },
    {
      name: 'directives with spaces and letters of any kind',
      dockerfile: '#   EsCaPe =   `  \nFROM busybox\nRUN echo a `\n  b >/x\n',
    },
    {
      name: 'empty lines between continued ones',
      dockerfile: 'FROM busybox\nRUN echo one \\\n\n  two \\\n\n\n  three >/x\n',
    },
    {
      name: 'a hash within a continued line',
      dockerfile:
        'FROM busybox\nRUN echo a; \\\n# comment\n    echo b >/b; \\\n    # indented comment\n    echo "c # d" >/c\n',
    },
    {
      name: 'arguments after an instruction over lines',
      dockerfile: 'FROM \\\n  busybox \\\n  AS \\\n  one\nENV \\\n  A=1\nCOPY \\\n  file \\\n  /file\n',
      files: { file: 'f' },
    },
    {
      name: 'a long line',
      dockerfile: `FROM busybox\nENV LONG=${'x'.repeat(20_000)}\nRUN echo \${#LONG} >/length\n`,
    },
    {
      name: 'quotes that nothing closes, in a line of the shell',
      dockerfile: 'FROM busybox\nCMD echo "open\n',
    },
  ],
};
