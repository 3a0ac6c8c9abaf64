import { StagecraftError } from '../util/errors.ts';
import { GitFailure } from './git-command.ts';
import type { Remote } from './git-remote.ts';

/** What git says of a remote that it could not read, in a sentence. */
export function explainGit(error: unknown, { address, kind }: Remote): unknown {
  if (!(error instanceof GitFailure)) return error;
  const { stderr } = error;
  const said = (pattern: RegExp): boolean => pattern.test(stderr);
  const part = submoduleIn(stderr);
  const what = part === undefined ? 'The repository' : `The submodule ${part} of the repository`;
  const fail = (code: 'io' | 'not-found', reason: string, hint?: string): StagecraftError =>
    new StagecraftError(code, `${what} ${address} cannot be read: ${reason}.`, { hint, cause: error });
  if (said(/transport '.*' not allowed/))
    return fail(
      'io',
      `${/transport '.*' not allowed/.exec(stderr)?.[0]}`,
      'Repositories are read over http, https, ssh and git only.',
    );
  if (said(/Could not resolve host|Name or service not known|unable to look up|Could not resolve hostname/i))
    return fail('io', 'the name of its host is unknown', 'Check the address and the network.');
  if (said(/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No .* host key is known/i))
    return fail(
      'io',
      'its host shows another key than the one that is known',
      `If the host changed its key, forget the old one: ${/ssh-keygen [^\n]*/.exec(stderr)?.[0] ?? 'ssh-keygen -R HOST'}`,
    );
  if (said(/Permission denied \(|Too many authentication failures/i))
    return fail(
      'io',
      'its host takes no key of the SSH agent',
      'Add the right key with ssh-add, and pass the agent with --ssh default.',
    );
  if (said(/cannot run ssh|ssh: .*not found/i))
    return fail('io', 'the program ssh is not installed', 'Install the package openssh-client.');
  if (said(/could not read Username|could not read Password|Authentication failed|error: 40[13]/i))
    return fail(
      'io',
      'it needs a password or token, or does not exist',
      kind === 'http' ? 'Pass a token with --secret id=GIT_AUTH_TOKEN,env=VARIABLE.' : undefined,
    );
  if (said(/certificate|SSL |TLS|gnutls/i))
    return fail(
      'io',
      `TLS fails (${reasonIn(stderr)})`,
      'Name the authority that signed its certificate in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.',
    );
  if (
    said(
      /repository .*not found|does not appear to be a git repository|error: 404|access denied or repository/i,
    )
  )
    return fail('not-found', 'there is no repository at that address', 'Check its spelling.');
  if (said(/Connection refused|Couldn't connect|Failed to connect|unable to connect/i))
    return fail('io', 'its host cannot be reached', 'Check the address and the network.');
  return fail('io', reasonIn(stderr));
}

/** The path of the submodule that git failed at. */
function submoduleIn(stderr: string): string | undefined {
  return /(?:into submodule path|for submodule path|in submodule path) '([^']+)'/i.exec(stderr)?.[1];
}

/** The first of the reasons that git gives, which is what led to the others. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .filter(line => line !== '' && !/^hint:|Could not read from remote repository/.test(line));
  const reason = lines.find(line => /^(fatal|error): /.test(line)) ?? lines.at(-1) ?? 'git gives no reason';
  return reason.replace(/^(fatal|error): /, '').replace(/\.$/, '');
}
