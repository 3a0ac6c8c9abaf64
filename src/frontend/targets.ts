import type { Dockerfile } from '../dockerfile/types.ts';
import { lineRanges } from '../util/line-ranges.ts';
import { table } from './columns.ts';

/** The JSON of `--call=targets,format=json`, as BuildKit's `frontend.targets` gives it. */
export function targetsJson(file: Dockerfile, dockerfile: Uint8Array): object {
  return {
    targets: file.stages.map(({ name, comment, baseName, platform, from }, index) => ({
      ...(name && { name }),
      ...(index === file.stages.length - 1 && { default: true }),
      ...(comment && { description: comment }),
      base: baseName,
      ...(platform && { platform }),
      location: { ranges: lineRanges(from.range) },
    })),
    sources: [Buffer.from(dockerfile).toString('base64')],
  };
}

/** The text of `--call=targets`. */
export function targetsText({ stages }: Dockerfile): string {
  const rows = stages.map(({ name, comment }, index) => {
    const isDefault = index === stages.length - 1;
    const title = isDefault ? [name, '(default)'].filter(Boolean).join(' ') : (name ?? '');
    return [title, comment ?? ''];
  });
  return table([['TARGET', 'DESCRIPTION'], ...rows], 1);
}
