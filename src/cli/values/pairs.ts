import { StagecraftError } from '../../util/errors.ts';

/** `NAME=VALUE`, cut at the first sign; the value is missing where there is no sign. */
export function splitPair(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

/**
 * `NAME=VALUE` words as an object. A name alone takes its value from the environment, and is left out where it has none
 * there; so Docker reads build arguments and variables.
 * @throws StagecraftError `usage`
 */
export function readVariables(
  flag: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const values: [string, string][] = [];
  for (const word of words) {
    const [name, given] = splitPair(word);
    if (name === '') throw new StagecraftError('usage', `The value "${word}" of ${flag} has no name.`);
    const value = given ?? env[name];
    if (value !== undefined) values.push([name, value]);
  }
  return Object.fromEntries(values);
}

/** `NAME=VALUE` words as an object; a name alone has an empty value. @throws StagecraftError `usage` */
export function readLabels(flag: string, words: readonly string[]): Record<string, string> {
  return readVariables(
    flag,
    words.map(word => (word.includes('=') ? word : `${word}=`)),
    {},
  );
}
