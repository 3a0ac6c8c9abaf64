import { readHead } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../util/bytes.ts';

/** Of a file that may hold secrets only its beginning is read. */
const headSize = 16 << 10;

/** Names that may hold secrets; what decides is inside. */
const suspicious =
  /(?:^|\/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p8|ppk)|\.npmrc|\.yarnrc\.yml|[._]netrc|\.git-credentials|\.pypirc|\.env(?:\.(?:local|production|prod))?|\.aws\/credentials|\.docker\/config\.json|\.dockercfg|\.kube\/config|kubeconfig|[^/]*(?:service[-_]?account|credentials)[^/]*\.json|\.htpasswd|terraform\.tfstate)$/;

/** Where programs bring private keys along that are no one's secret: tests and samples of libraries. */
const harmless =
  /(?:^|\/)(?:node_modules|site-packages|dist-packages|tests?|testdata|fixtures|examples?|samples?|docs?|vendor|gems|usr\/share|usr\/lib|usr\/local\/go|go\/pkg)\//;

/** What kind of secret a file holds; nothing if its name does not suggest any, or its content proves that wrong. */
export function secretIn(tree: FileTree, path: ByteString): string | undefined {
  if (!suspicious.test(path) || harmless.test(path)) return undefined;
  const head = readHead(tree, path, headSize);
  if (head === undefined || head.length === 0 || head.includes(0)) return undefined;
  return kindOf(textFromBytes(path), head.toString());
}

/** True for a name that deserves a look at the content. */
export function mayBeSecret(path: ByteString): boolean {
  return suspicious.test(path) && !harmless.test(path);
}

function kindOf(path: string, text: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY|^PuTTY-User-Key-File/.test(text))
    return 'a private key';
  if (/^(?:\.npmrc|\.yarnrc\.yml)$/.test(name))
    return hasValue(
      text,
      /(?:_authToken|_auth|_password|npmAuthToken|npmAuthIdent)["']?\s{0,9}[=:][ \t]{0,9}["']?([^\s"']+)/g,
    )
      ? 'a token of a package registry'
      : undefined;
  if (/^[._]netrc$/.test(name)) return hasValue(text, /\bpassword\s{1,9}(\S+)/g) ? 'passwords' : undefined;
  if (name === '.git-credentials')
    return /:\/\/[^:\s]{1,200}:[^@\s]{1,500}@/.test(text) ? 'passwords' : undefined;
  if (name === '.pypirc')
    return hasValue(text, /^\s{0,9}password\s{0,9}[=:]\s{0,9}(\S+)/gm) ? 'a password' : undefined;
  if (path.endsWith('.aws/credentials'))
    return hasValue(text, /aws_secret_access_key\s{0,9}=\s{0,9}(\S+)/g) ? 'AWS credentials' : undefined;
  if (path.endsWith('.docker/config.json') || name === '.dockercfg')
    return /"auth"\s{0,9}:\s{0,9}"[^"]/.test(text) ? 'registry passwords' : undefined;
  if (path.endsWith('.kube/config') || name === 'kubeconfig')
    return /\b(?:client-key-data|token|password):\s{0,9}\S/.test(text) ? 'cluster credentials' : undefined;
  if (/^\.env/.test(name))
    return hasValue(
      text,
      /^\s{0,9}(?:export\s{1,9})?\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|PRIVATE_KEY|API_?KEY|ACCESS_KEY)\w*[ \t]{0,9}=[ \t]{0,9}["']?([^\s"'#]+)/gim,
    )
      ? 'secrets of an environment'
      : undefined;
  if (name.endsWith('.json'))
    return /"private_key"\s{0,9}:\s{0,9}"[^"]/.test(text) ? 'a private key' : undefined;
  return undefined;
}

/** True if a match is a value, not a variable to be filled in or an example of one. */
function hasValue(text: string, pattern: RegExp): boolean {
  for (const [, value = ''] of text.matchAll(pattern))
    if (
      !/^(?:\$|<|\{\{|%|\*{3}|x{3}|\.{3}|your|change|example|secret$|password$|none$|null$|todo)/i.test(
        value,
      ) &&
      value.length >= 6
    )
      return true;
  return false;
}
