import type { Topic } from '../case.ts';

export const env: Topic = {
  name: 'ENV',
  cases: [
    {
      name: 'pairs, the old form, and values with spaces',
      dockerfile: `FROM busybox
ENV A=1 B="two words" C='three more words' D=esc\\ aped
ENV OLD the old   form
ENV QUOTED "the old form" with 'quotes'
ENV EMPTY= AFTER=x
RUN env | grep -v -e OTEL -e TRACEPARENT -e HOSTNAME -e HOME -e SHLVL -e PWD | sort >/env
`,
    },
    {
      name: 'one line reads the values from before it',
      dockerfile: 'FROM busybox\nENV A=hello\nENV A=bye B=$A\nENV C=$A\n',
    },
    {
      name: 'a variable made longer, as a search path is',
      dockerfile:
        'FROM busybox\nENV PATH=/opt/bin:$PATH\nENV PATH="${PATH}:/last"\nRUN echo "$PATH" >/path\n',
    },
    {
      name: 'quotes, escapes and dollars',
      dockerfile: `FROM busybox
ENV A=\\$literal B='$single' C="\\$escaped" D="a\\"b" E='a"b' F=a\\\\b G="a\\\\b" H="tab\\there"
ENV I=\${A} J=$A$B K=\${A}x L="$A x" M=a'b'c"d"e
`,
    },
    {
      name: 'over several lines',
      dockerfile: `FROM busybox
ENV A=1 \\
    B=2 \\
    # a comment between
    C="3 \\
4"
`,
    },
    {
      name: 'a value is replaced in its place',
      dockerfile: 'FROM busybox\nENV A=1 B=2 C=3\nENV B=new D=4\nENV A=\n',
    },
    {
      name: 'equals signs, colons and unusual names',
      dockerfile: 'FROM busybox\nENV A=b=c URL=http://x:1/?q=1&r=2 with.dot=1 with-dash=2 _=3 a1=4\n',
    },
    {
      name: 'a variable of the base is there for all that follows',
      parents: { 'with-env': 'FROM busybox\nENV FROM_BASE=base OTHER="with space"\n' },
      dockerfile:
        'FROM with-env\nENV MINE=$FROM_BASE-mine\nLABEL base="$OTHER"\nRUN echo "$FROM_BASE $OTHER $MINE" >/said\n',
    },
  ],
};
