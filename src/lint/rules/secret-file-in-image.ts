import { posix } from 'node:path';
import { looking } from '../../files/read.ts';
import type { FileTree } from '../../snapshot/types.ts';
import { type ByteString, textFromBytes } from '../../util/bytes.ts';
import { type ContextCopy, contextCopies, isExcluded, sourcePaths } from '../context-copies.ts';
import { findInImage } from '../image/inventory.ts';
import { isTold, placeOfPath } from '../image/places.ts';
import { ownPage } from '../pages.ts';
import { mayBeSecret, secretIn } from '../secret-files.ts';
import { lineageOf } from '../stages.ts';
import type { ImageSubject, PlanSubject, Report, Rule } from '../types.ts';

const name = 'SecretFileInImage';

const rule = {
  name,
  description: 'Files with secrets should not be in the image',
  url: ownPage(name),
  level: 'warning',
} as const;

/** A private key, a token or a password file that a COPY takes from the context into the final image. */
export const secretFileCopied: Rule<PlanSubject> = {
  ...rule,
  check: (subject, report) => reportCopied(subject, report, secretsOf),
};

/**
 * The same for builds: asks for the best known names at the top of what is copied, and lists no directory. The rest is
 * found in what was built.
 */
export const secretFileProbed: Rule<PlanSubject> = {
  ...rule,
  check: (subject, report) => reportCopied(subject, report, wellKnownOf),
};

interface Secret {
  readonly path: ByteString;
  readonly kind: string;
}

function reportCopied(
  { context, target }: PlanSubject,
  report: Report,
  find: (context: FileTree, copy: ContextCopy) => Secret[],
): void {
  if (context === undefined) return;
  for (const copy of contextCopies(lineageOf(target)))
    for (const { path, kind } of find(context, copy))
      report({
        message: `${copy.instruction.kind} takes ${textFromBytes(path).slice(1)} into the image, which holds ${kind}; leave it out by .dockerignore, and hand it to a RUN by --mount=type=secret`,
        range: copy.step.instruction.range,
      });
}

const wellKnown = [
  '.env',
  '.npmrc',
  '.netrc',
  'id_rsa',
  'id_ed25519',
  '.aws/credentials',
  '.git-credentials',
  '.pypirc',
];

function wellKnownOf(context: FileTree, copy: ContextCopy): Secret[] {
  return sourcePaths(context, copy).flatMap(path => {
    const isDirectory = looking(() => context.lstat(path))?.type === 'directory';
    const names = isDirectory ? wellKnown.filter(below => !isExcluded(copy.instruction, below)) : [''];
    return names.flatMap(below => {
      const each = posix.join(path, below);
      const kind = secretIn(context, each);
      return kind === undefined ? [] : [{ path: each, kind }];
    });
  });
}

/** Secrets lie near the top: so many entries are looked at, breadth first, and no directories full of other's files. */
const budget = 1000;
const passedOver = /^(?:node_modules|\.git|vendor|target|dist|build|\.venv|venv|__pycache__|\.next|\.cache)$/;

function secretsOf(context: FileTree, copy: ContextCopy): Secret[] {
  const found: Secret[] = [];
  const open = sourcePaths(context, copy).map(path => ({ path, below: '' }));
  let left = budget;
  for (let place = open.shift(); place !== undefined && left > 0; place = open.shift()) {
    const { path, below } = place;
    left--;
    if (below !== '' && isExcluded(copy.instruction, textFromBytes(below))) continue;
    const type = looking(() => context.lstat(path))?.type;
    if (type === 'file' && mayBeSecret(path)) {
      const kind = secretIn(context, path);
      if (kind !== undefined) found.push({ path, kind });
    }
    if (type !== 'directory' || (below !== '' && passedOver.test(posix.basename(path)))) continue;
    for (const name of looking(() => context.list(path)) ?? []) {
      if (open.length >= left) break;
      open.push({ path: posix.join(path, name), below: posix.join(below, name) });
    }
  }
  return found;
}

/** Such a file is in the image, however it came there. */
export const secretFileInImage: Rule<ImageSubject> = {
  ...rule,
  check(subject, report) {
    if (!subject.isNew) return;
    for (const path of findInImage(subject.tree).suspects) {
      const kind = secretIn(subject.tree, path);
      if (kind === undefined) continue;
      const range = placeOfPath(subject, path);
      if (isTold(subject, name, range)) continue;
      report({
        message: `${textFromBytes(path)} is in the image and holds ${kind}; hand it to the RUN that needs it by --mount=type=secret, or to the container when it runs`,
        range,
      });
    }
  },
};
