/** One thing looked at. */
export interface Check {
  /** What was looked at, in a word or two. */
  readonly name: string;
  /** `warn`: it works, but less well than it could. `fail`: steps cannot be run. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found, without a full stop. */
  readonly found: string;
  /** What to do about it, a sentence; nothing where nothing needs doing. */
  readonly advice?: string;
}
