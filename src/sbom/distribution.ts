import { readText } from '../files/read.ts';
import type { FileTree } from '../snapshot/types.ts';
import type { Distribution } from './types.ts';

/** What an image says it is: os-release(5). */
export function readDistribution(tree: FileTree): Distribution | undefined {
  const text = readText(tree, '/etc/os-release') ?? readText(tree, '/usr/lib/os-release');
  if (text === undefined) return undefined;
  const field = (name: string): string =>
    new RegExp(`^${name}=(["']?)(.*)\\1\\s*$`, 'm').exec(text)?.[2]?.replaceAll(/\\(.)/g, '$1') ?? '';
  const id = field('ID');
  return id === ''
    ? undefined
    : { id, version: field('VERSION_ID'), name: field('PRETTY_NAME') || field('NAME') || id };
}
