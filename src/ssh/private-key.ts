import { createPrivateKey, type KeyObject } from 'node:crypto';
import { StagecraftError } from '../util/errors.ts';
import { openOpensshKey, parseOpensshKey, WrongPassphrase } from './openssh-key.ts';

/** Asks for the passphrase of a key file; nothing if there is nobody to ask, or no answer. */
export type AskPassphrase = (file: string) => Promise<string | undefined>;

/**
 * The private key in a file's text: of OpenSSH, PKCS#8, or the older PEM formats of RSA and EC keys. A passphrase is
 * asked for only if the key is encrypted.
 * @param file the name for messages
 * @throws StagecraftError `usage` for what is no private key, or cannot be opened
 */
export async function readPrivateKey(data: Buffer, file: string, ask: AskPassphrase): Promise<KeyObject> {
  const text = data.toString('latin1');
  const [, label] = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\s*$/m.exec(text) ?? [];
  if (label === undefined) throw noKey(text, file);
  try {
    if (label === 'OPENSSH PRIVATE KEY') {
      const locked = parseOpensshKey(text);
      return await openOpensshKey(locked, locked.cipher === 'none' ? '' : await passphraseOf(file, ask));
    }
    const isEncrypted = label.startsWith('ENCRYPTED') || /^Proc-Type: *4, *ENCRYPTED/m.test(text);
    return createPrivateKey({ key: data, ...(isEncrypted && { passphrase: await passphraseOf(file, ask) }) });
  } catch (error) {
    if (error instanceof StagecraftError) throw error;
    if (error instanceof WrongPassphrase || /bad decrypt|bad password/i.test(String(error)))
      throw new StagecraftError('usage', `The passphrase for the private key ${file} is wrong.`, {
        cause: error,
      });
    throw new StagecraftError('usage', `The private key ${file} cannot be read: ${reasonOf(error)}.`, {
      hint: 'Look whether `ssh-keygen -y -f FILE` can read it.',
      cause: error,
    });
  }
}

async function passphraseOf(file: string, ask: AskPassphrase): Promise<string> {
  const passphrase = await ask(file);
  if (passphrase !== undefined) return passphrase;
  throw new StagecraftError(
    'usage',
    `The private key ${file} has a passphrase, and there is no terminal to ask for it.`,
    {
      hint: `Give it to an agent, eval $(ssh-agent) && ssh-add ${file}, and pass that with --ssh default.`,
    },
  );
}

function noKey(text: string, file: string): StagecraftError {
  if (/^(ssh-|ecdsa-|sk-)\S+ AAAA/.test(text) || text.includes('BEGIN PUBLIC KEY'))
    return new StagecraftError('usage', `${file} is a public key, but an agent needs the private one.`, {
      hint: file.endsWith('.pub') ? `Name ${file.slice(0, -'.pub'.length)}.` : undefined,
    });
  if (text.startsWith('PuTTY-User-Key-File-'))
    return new StagecraftError('usage', `${file} is a key in PuTTY's own format.`, {
      hint: `Convert it: puttygen ${file} -O private-openssh -o FILE`,
    });
  return new StagecraftError('usage', `${file} is neither a private key nor the socket of an agent.`, {
    hint: 'Pass --ssh ID=KEYFILE or --ssh ID=SOCKET; --ssh default alone takes the agent of SSH_AUTH_SOCK.',
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
