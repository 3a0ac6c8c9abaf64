import { needs } from './needs.ts';

/** The sandboxes that can be tried here: `STAGECRAFT_SANDBOX` takes their names. */
export const rungsHere = ['crun', 'runc', 'builtin'].filter(name => name === 'builtin' || !needs(name));
