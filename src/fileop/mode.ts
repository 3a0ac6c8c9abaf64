import { StagecraftError } from '../util/errors.ts';

const all = 0o7777;
const setIds = 0o6000;
const sticky = 0o1000;
/** The bits that each letter before the operator stands for. */
const classes = { u: 0o4700, g: 0o2070, o: 0o007, a: 0o6777 } as const;
const shifts = { u: 6, g: 3, o: 0 } as const;

/** What becomes of a mode. `isDirectory` counts for `X`. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/**
 * A symbolic mode as chmod(1) and BSD's setmode(3) have it, under an umask of 0: `u+x`, `go-w`, `a=rX`, `g=u-w`,
 * several joined by commas; or an octal number.
 * @throws StagecraftError `usage`
 */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= all) {
    const mode = Number.parseInt(text, 8);
    return () => mode;
  }
  const steps: ModeChange[] = [];
  for (const clause of text.split(',')) {
    const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
    if (match === null)
      throw new StagecraftError('usage', `${JSON.stringify(text)} is no file mode.`, {
        hint: 'Use an octal number such as 0644, or a symbolic mode such as u=rwX,go=rX.',
      });
    for (const [, operator, letters] of match[2]!.matchAll(/([-+=])([^-+=]*)/g))
      steps.push(step(match[1]!, operator as '+' | '-' | '=', letters!));
  }
  return (mode, isDirectory) => {
    const executable = (mode & 0o111) !== 0 || isDirectory;
    return steps.reduce((now, apply) => apply(now, executable), mode);
  };
}

/** One operator of a clause; the second parameter of the change says whether `X` sets anything. */
function step(who: string, operator: '+' | '-' | '=', letters: string): ModeChange {
  let classBits = 0;
  for (const letter of who) classBits |= classes[letter as keyof typeof classes];
  const anyone = who === '';
  const mask = anyone ? classes.a : classBits;
  const onlyOthers = !anyone && (mask & ~0o007) === 0;
  return (mode, executable) => {
    let bits = 0;
    for (const letter of letters) bits |= permission(letter, mode, executable || operator === '-');
    let reach = mask;
    if (letters.includes('t') && !onlyOthers) reach |= sticky;
    if (onlyOthers) bits &= ~(setIds | sticky);
    bits &= reach;
    // A class set to what another has keeps its set-id bits.
    if (operator === '=' && /^[ugo]+$/.test(letters)) reach &= ~setIds;
    if (operator === '+') return mode | bits;
    if (operator === '-') return mode & ~bits;
    return (mode & ~reach) | bits;
  };
}

/** The bits that a letter after the operator stands for, in all classes. */
function permission(letter: string, mode: number, executable: boolean): number {
  switch (letter) {
    case 'r':
      return 0o444;
    case 'w':
      return 0o222;
    case 'x':
      return 0o111;
    case 'X':
      return executable ? 0o111 : 0;
    case 's':
      return setIds;
    case 't':
      return sticky;
    default:
      return ((mode >> shifts[letter as keyof typeof shifts]) & 0o007) * 0o111;
  }
}
