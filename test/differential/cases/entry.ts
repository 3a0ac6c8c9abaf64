import type { Topic } from '../case.ts';

export const entry: Topic = {
  name: 'CMD and ENTRYPOINT',
  cases: [
    {
      name: 'words, as they are',
      dockerfile: 'FROM busybox\nENTRYPOINT ["/entry", "a b", "$HOME", ""]\nCMD [ "one" ,"two\\"" ]\n',
    },
    {
      name: 'lines, through the shell',
      dockerfile: 'FROM busybox\nENTRYPOINT exec run "$HOME"   --flag\nCMD and   more \\\n  words\n',
    },
    { name: 'the last of several counts', dockerfile: 'FROM busybox\nCMD ["one"]\nCMD two\nCMD ["three"]\n' },
    {
      name: 'empty ones',
      dockerfile: 'FROM busybox\nENTRYPOINT ["x"]\nCMD ["y"]\nENTRYPOINT []\nCMD []\n',
    },
    { name: 'JSON with escapes', dockerfile: 'FROM busybox\nCMD ["\\u00e9", "a\\tb", "c\\\\d", "\\/"]\n' },
    {
      name: 'what is nearly JSON is a line',
      dockerfile: 'FROM busybox\nENTRYPOINT [\'single\', \'quotes\']\nCMD ["open", "list"\n',
    },
    {
      name: 'lists of what is no text',
      refused: /JSON/,
      dockerfile: 'FROM busybox\nCMD ["a", 1]\n',
    },
    {
      name: 'quotes and comments in a line',
      dockerfile: 'FROM busybox\nCMD echo "a # b" # c\n',
    },
    {
      name: 'JSON over several lines',
      dockerfile: 'FROM busybox\nCMD ["a", \\\n  "b", \\\n  # comment\n  "c"]\n',
    },
  ],
};
