/** Values that are secrets by their very form: what it is, and how to tell. Each pattern takes linear time. */
const tokens: readonly (readonly [string, RegExp])[] = [
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})/],
  ['a GitLab token', /\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}/],
  ['a PyPI token', /\bpypi-AgE[A-Za-z0-9_-]{50}/],
  ['a Docker Hub token', /\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27}/],
  ['a Slack token', /\bxox[abeoprs]-[0-9A-Za-z-]{20}/],
  ['a Stripe secret key', /\b[rs]k_live_[A-Za-z0-9]{20}/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/],
  ['a SendGrid key', /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/],
  ['a Hugging Face token', /\bhf_[A-Za-z]{34}\b/],
  ['a DigitalOcean token', /\bdo[opr]_v1_[a-f0-9]{64}/],
  ['an Anthropic key', /\bsk-ant-[a-z0-9]{3,10}-[A-Za-z0-9_-]{40}/],
  ['an OpenAI key', /\bsk-(?:proj-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ/],
  ['an age secret key', /\bAGE-SECRET-KEY-1[A-Z0-9]{58}/],
  ['a HashiCorp Vault token', /\bhv[sb]\.[A-Za-z0-9_-]{24}/],
  ['a private key', /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/],
];

/** What a text holds that looks like a secret, and where; never more than the first. */
export function findSecret(text: string): { what: string; index: number; length: number } | undefined {
  for (const [what, pattern] of tokens) {
    const match = pattern.exec(text);
    if (match !== null && !isPlaceholder(match[0]))
      return { what, index: match.index, length: match[0].length };
  }
  const url = urlPassword.exec(text);
  if (url === null || isWeak(url[1]!, url[2]!) || isLocal(url[3]!)) return undefined;
  return { what: 'an address with a password', index: url.index, length: url[0].length };
}

const urlPassword =
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/([A-Za-z0-9_.~%-]{1,100}):([^\s:@/"'`$<>{}]{6,200})@([A-Za-z0-9.-]{1,200})/;

/** Documentation has such ones. */
function isPlaceholder(value: string): boolean {
  const random = value.replace(/^[A-Za-z]+[_-]/, '');
  return /EXAMPLE|example|x{6}|X{6}|0{8}|1234567|abcdef|\*{3}|\.{3}/.test(random) || new Set(random).size < 8;
}

/** Passwords of examples and of databases that only a developer's machine has. */
function isWeak(user: string, password: string): boolean {
  return (
    password.toLowerCase() === user.toLowerCase() ||
    /pass|secret|change|example|admin|root|test|user|dev|postgres|mysql|mongo|rabbit|guest|dummy|your|token|x{4}|\*{3}|^[a-z]+\d{0,4}$|^\d+$/i.test(
      password,
    )
  );
}

function isLocal(host: string): boolean {
  return /^(?:localhost|127\.|0\.0\.0\.0|host\.docker\.internal)|\.(?:test|example|invalid|localhost)$|example\.(?:com|org|net)$/.test(
    host,
  );
}
