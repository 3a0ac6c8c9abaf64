import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { isErrno, StagecraftError } from '../util/errors.ts';
import type { Credential } from './credential.ts';

/**
 * Asks a credential helper, a program `docker-credential-<name>`, by its protocol: the registry's name on standard
 * input, JSON on standard output.
 * @throws StagecraftError `unsupported` when the program is not there; `io` when it fails
 */
export async function askHelper(
  name: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<Credential | undefined> {
  const program = programOf(name);
  const { code, output } = await run(program, 'get', server, env);
  if (code !== 0) {
    if (isUnknown(output)) return undefined;
    throw failed(program, server, output);
  }
  const answer = parse(program, output);
  if (answer.Username === '' || answer.Secret === '') return undefined;
  if (answer.Username === '<token>') return { type: 'identity', token: answer.Secret };
  return { type: 'password', username: answer.Username, password: answer.Secret };
}

/** Gives a helper a password to keep. @throws as {@link askHelper} */
export async function giveHelper(
  name: string,
  server: string,
  { username, password }: { readonly username: string; readonly password: string },
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const program = programOf(name);
  const entry = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  const { code, output } = await run(program, 'store', entry, env);
  if (code !== 0) throw failed(program, server, output);
}

/** Has a helper forget a password; false where it had none. @throws as {@link askHelper} */
export async function clearHelper(name: string, server: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const program = programOf(name);
  const { code, output } = await run(program, 'erase', server, env);
  if (code === 0) return true;
  if (isUnknown(output)) return false;
  throw failed(program, server, output);
}

function programOf(name: string): string {
  return `docker-credential-${name}`;
}

/** The protocol knows this case by its text alone. */
function isUnknown(output: string): boolean {
  return /credentials not found/i.test(output);
}

function failed(program: string, server: string, output: string): StagecraftError {
  const reason = output.trim();
  return new StagecraftError(
    'io',
    `The credential helper ${program} failed for ${server}${reason && `: ${reason}`}.`,
  );
}

async function run(
  program: string,
  verb: string,
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  const child = spawn(program, [verb], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve(code ?? 1));
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const [output, code] = await Promise.all([text(child.stdout), ended]);
    return { code, output };
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EACCES')) throw error;
    throw new StagecraftError('unsupported', `The credential helper ${program} cannot be run.`, {
      hint: 'Install it, or take it out of credHelpers or credsStore in the Docker configuration.',
      cause: error,
    });
  }
}

/** What a helper answers may hold a secret, so no message shows it. */
function parse(program: string, output: string): { Username: string; Secret: string } {
  try {
    const answer = JSON.parse(output) as { Username?: unknown; Secret?: unknown };
    if (typeof answer.Username === 'string' && typeof answer.Secret === 'string')
      return { Username: answer.Username, Secret: answer.Secret };
  } catch {
    // Told below.
  }
  throw new StagecraftError('io', `The credential helper ${program} gave no answer that is understood.`);
}
