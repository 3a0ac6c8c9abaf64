import type { Topic } from '../case.ts';

export const labels: Topic = {
  name: 'LABEL and MAINTAINER',
  cases: [
    {
      name: 'one, many, and over several lines',
      dockerfile: `FROM busybox
LABEL one=1
LABEL two=2 three="three words" "four five"=45
LABEL six=6 \\
      seven="7\\
7"
LABEL com.example.a-b_c/d=reverse
`,
    },
    {
      name: 'the old form, with one name and a text',
      dockerfile: 'FROM busybox\nLABEL old the text that follows\nLABEL other "in quotes"\n',
    },
    {
      name: 'quotes, escapes and equals signs',
      dockerfile: `FROM busybox
LABEL a="say \\"hi\\"" b='single "double"' c=x=y d=a\\ b e="" f=
LABEL g={"json":true} h="[1,2]" i=#no-comment
`,
    },
    {
      name: 'a later one replaces an earlier one',
      dockerfile: 'FROM busybox\nLABEL a=1 b=1\nLABEL a=2\nLABEL a=3 a=4\n',
    },
    {
      name: 'labels from outside win',
      dockerfile: 'FROM busybox\nLABEL a=dockerfile b=stays\n',
      flags: ['--label', 'a=flag', '--label', 'c=only flag'],
    },
    {
      name: 'a maintainer, with spaces',
      dockerfile: 'FROM busybox\nMAINTAINER Some One <some@example.org>\nRUN true\n',
    },
  ],
};
