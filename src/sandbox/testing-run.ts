/** A program that runs one step and prints what it prints, for tests that kill it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openRung, type RungName } from './choose.ts';
import { enterNamespace, inNamespace, needsNamespace } from './namespace.ts';

const [rung, base, upper, line] = process.argv.slice(2) as [RungName, string, string, string];
if (needsNamespace()) process.exit(await enterNamespace());
const sandbox = await openRung(rung);
const workDir = join(upper, '../work');
mkdirSync(workDir, { recursive: true });
process.stdout.write(`ready ${inNamespace() ?? 'root'}\n`);
const { code } = await sandbox.run({
  layers: [base],
  upper: { dir: upper, workDir },
  mounts: [],
  args: ['/bin/sh', '-c', line],
  env: ['PATH=/bin', `MARK=${process.env.MARK}`],
  cwd: '/',
  user: { uid: 0, gid: 0, additionalGids: [] },
  network: process.env.NETWORK === 'none' ? 'none' : 'host',
  hostname: 'test',
  extraHosts: [],
  security: 'sandbox',
  ...(process.env.TTY === undefined
    ? { stdio: (stream, data) => (stream === 1 ? process.stdout : process.stderr).write(data) }
    : { stdio: 'inherit', tty: true }),
});
process.exitCode = code;
