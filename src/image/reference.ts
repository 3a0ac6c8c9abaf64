import { type Digest, isDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';

/** An image reference with nothing left out: `docker.io/library/debian` and a tag, a digest, or both. */
export interface Reference {
  /** Registry host and port: `docker.io`, `localhost:5000`. */
  domain: string;
  /** Repository within the registry: `library/debian`. */
  path: string;
  tag?: string;
  digest?: Digest;
}

const alphanumeric = '[a-z0-9]+';
const pathComponent = `${alphanumeric}(?:(?:[._]|__|-+)${alphanumeric})*`;
const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = new RegExp(
  `^(?:${domainComponent}(?:\\.${domainComponent})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const repositoryPath = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tag = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** The longest repository path that registries take. */
const pathLimit = 255;

/**
 * Reads a reference as Docker does: without a registry it means Docker Hub, without a namespace there `library`, and
 * without tag and digest the tag `latest`.
 * @throws StagecraftError `usage` with the reason
 */
export function parseReference(text: string): Reference {
  const parsed = parseName(text);
  return parsed.tag === undefined && parsed.digest === undefined ? { ...parsed, tag: 'latest' } : parsed;
}

/** As {@link parseReference}, but without the default tag. */
export function parseName(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (/^[a-f0-9]{64}$/.test(text))
    throw invalid(text, 'a repository cannot be named by 64 hexadecimal digits');
  const address = /^[a-z]+:\/\//.exec(text)?.[0];
  // It may have a password.
  if (address !== undefined) throw invalid(`${address}...`, 'a name is no address');
  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    const digestText = rest.slice(at + 1);
    if (!isDigest(digestText)) throw invalid(text, `${digestText} is no SHA-256 digest`);
    digest = digestText;
    rest = rest.slice(0, at);
  }
  let tagText: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tagText = rest.slice(colon + 1);
    if (!tag.test(tagText)) throw invalid(text, `${tagText || 'an empty text'} is no tag`);
    rest = rest.slice(0, colon);
  }
  const name = splitDomain(rest);
  if (!domain.test(name.domain)) throw invalid(text, `${name.domain || 'an empty text'} is no registry host`);
  if (!repositoryPath.test(name.path)) {
    const reason = /[A-Z]/.test(name.path)
      ? 'a repository name must be lowercase'
      : `${name.path || 'an empty text'} is no repository name`;
    throw invalid(text, reason);
  }
  if (name.path.length > pathLimit)
    throw invalid(text, `a repository name has at most ${pathLimit} characters`);
  return {
    ...name,
    ...(tagText === undefined ? {} : { tag: tagText }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The full form: `docker.io/library/debian:bookworm`. It names the image in the store and in graphs. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** The form a person writes: `debian:bookworm`. */
export function formatFamiliar(reference: Reference): string {
  return `${familiarRepository(reference)}${suffix(reference)}`;
}

/** The repository as a person writes it, without tag and digest: `debian`. */
export function familiarRepository(reference: Reference): string {
  const { domain: host, path } = reference;
  if (host !== 'docker.io') return `${host}/${path}`;
  const short = path.startsWith('library/') ? path.slice('library/'.length) : path;
  // `library/a/b` written as `a/b` would be another repository, and Docker Hub's `a.b/c` written so another registry.
  return [short, path].find(form => isSame(splitDomain(form), reference)) ?? `${host}/${path}`;
}

function isSame(one: { domain: string; path: string }, other: { domain: string; path: string }): boolean {
  return one.domain === other.domain && one.path === other.path;
}

/** The full form of a reference that a person wrote. @throws StagecraftError `usage` */
export function normalizeReference(text: string): string {
  return formatReference(parseReference(text));
}

/** The familiar form of a full name; the name itself where it is no reference. */
export function familiarName(name: string): string {
  try {
    return formatFamiliar(parseName(name));
  } catch {
    return name;
  }
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  // As Docker decides: a registry host has a dot, a port or an upper-case letter, or is `localhost`.
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const host = isDomain ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  const path = isDomain ? name.slice(slash + 1) : name;
  return { domain: host, path: host === 'docker.io' && !path.includes('/') ? `library/${path}` : path };
}

function suffix(reference: Reference): string {
  const tagPart = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tagPart : `${tagPart}@${reference.digest}`;
}

function invalid(text: string, reason: string): StagecraftError {
  return new StagecraftError('usage', `Invalid image reference ${JSON.stringify(text)}: ${reason}.`, {
    hint: 'Write it as [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST].',
  });
}
