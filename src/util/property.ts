import fc from 'fast-check';

/**
 * Property tests draw the same examples each time, so that a change is judged by the change and not by luck. For tests.
 * `PROPERTY_SEED=random` searches on with others; a number draws those of that seed again.
 */
const seed = process.env.PROPERTY_SEED ?? '20261121';
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });

export { fc };
