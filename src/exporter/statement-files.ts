import { closeSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { type Attestation, type Subject, statementOf } from '../attest/types.ts';
import type { FileTree } from '../snapshot/types.ts';
import { type ByteString, bytesFromText, textFromBytes } from '../util/bytes.ts';
import { finishDigest, startDigest } from '../util/digest.ts';
import { StagecraftError } from '../util/errors.ts';
import { Pace } from '../util/pace.ts';
import { statementText } from './attestations.ts';
import { walkTree } from './tree.ts';

/** A file that is written beside those of a result. */
export interface AddedFile {
  readonly name: ByteString;
  readonly content: Buffer;
}

export interface StatementFileOptions {
  /** Before each name. */
  readonly prefix: string;
  /** What tells results apart that go into one directory: `linux_amd64`. */
  readonly platform?: string | undefined;
  readonly created?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Statements of all files of a result, each as a file for its top directory.
 * @throws StagecraftError `usage` where the result has a file of that name
 */
export async function statementFiles(
  tree: FileTree,
  attestations: readonly Attestation[],
  { prefix, platform, created, signal }: StatementFileOptions,
): Promise<AddedFile[]> {
  const wanted = attestations.filter(({ inlineOnly }) => !inlineOnly);
  if (wanted.length === 0) return [];
  const subjects = await digestFiles(tree, signal);
  const files: AddedFile[] = [];
  for (const attestation of wanted) {
    const extension = extname(attestation.fileName);
    const stem = attestation.fileName.slice(0, attestation.fileName.length - extension.length);
    const name = `${prefix}${stem}${platform === undefined ? '' : `.${platform}`}${extension}`;
    if (tree.lstat(`/${bytesFromText(name)}`) !== undefined || files.some(file => file.name === name))
      throw new StagecraftError('usage', `The result has a file ${name}, as has its attestation.`, {
        hint: 'Give the attestation another name with filename=, or with attestation-prefix= of the output.',
      });
    const attested = { names: [], layers: [], diffIds: [], created };
    const statement = await statementOf(attestation, subjects, attested);
    files.push({ name: bytesFromText(name), content: statementText(statement) });
  }
  return files;
}

/** Every regular file with its digest. */
async function digestFiles(tree: FileTree, signal: AbortSignal | undefined): Promise<Subject[]> {
  const pace = new Pace(signal);
  const subjects: Subject[] = [];
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (const { path, entry } of walkTree(tree)) {
    if (entry.type !== 'file') continue;
    const hash = startDigest();
    const fd = tree.open(path);
    try {
      for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
        hash.update(buffer.subarray(0, read));
        if (pace.due) await pace.rest();
      }
    } finally {
      closeSync(fd);
    }
    const sha256 = finishDigest(hash).slice('sha256:'.length);
    subjects.push({ name: textFromBytes(path.slice(1)), digest: { sha256 } });
  }
  return subjects;
}
