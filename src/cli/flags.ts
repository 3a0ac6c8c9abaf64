import { displayModes } from '../progress/display.ts';

/** Flags that several commands have. */
export const progressFlag = {
  kind: 'text',
  value: 'MODE',
  help: `How to show progress: ${displayModes.join(', ')} (default auto)`,
  complete: displayModes,
} as const;

/** For commands that end with a name. */
export const quietNameFlag = { kind: 'boolean', short: 'q', help: 'Show nothing but the name' } as const;

/** For commands that end with an image. */
export const quietIdFlag = {
  kind: 'boolean',
  short: 'q',
  help: 'Show nothing but the ID of the image',
} as const;

/** For commands that speak to a registry. */
export const insecureFlag = {
  kind: 'boolean',
  help: 'The registry may do without TLS, or without a known certificate',
} as const;
