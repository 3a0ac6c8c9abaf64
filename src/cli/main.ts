import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Compiled code is kept between runs, which spares a third of the start.
const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
enableCompileCache(join(cache, 'stagecraft', 'compiled'));

// Stack traces should name the source, not the bundle.
if (process.env.STAGECRAFT_DEBUG) process.setSourceMapsEnabled(true);

const { runProgram } = await import('./program.ts');
process.exitCode = await runProgram(process.argv.slice(2));
