import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ingestPath } from '../content/ingest.ts';
import type { ProgressSink } from '../progress/types.ts';
import type { Sandbox } from '../sandbox/types.ts';
import { StagecraftError } from '../util/errors.ts';
import { putAptSettings, putSources } from './apt-setup.ts';
import { installPackages, unfinishedPackages } from './configure.ts';
import { putText, readText } from './image-files.ts';
import type { LayerWork } from './layer-work.ts';
import { installOrder } from './order.ts';
import { runStep } from './steps.ts';
import { mergeUsr, plainDirectory, unpackPackages } from './unpack.ts';

/** A Debian that works: its essential packages are unpacked by hand, then dpkg installs everything from within. */
export async function fillFull(work: LayerWork, sandbox: Sandbox, progress: ProgressSink): Promise<void> {
  const { packages, mtimeNs } = work;
  const groups = installOrder(packages.map(each => each.package)).map(group => {
    const members = new Set(group);
    return packages.filter(each => members.has(each.package));
  });
  await runStep(progress, `[base] unpack ${groups[0]?.length ?? 0} essential packages`, async step => {
    const writer = work.layers.writer(work.draft, []);
    const first = groups[0] ?? [];
    mergeUsr(
      writer,
      work.architecture,
      first.map(each => each.package),
      plainDirectory(mtimeNs),
    );
    await unpackPackages(first, writer, step, { signal: work.signal });
    for (const file of ['status', 'available']) putText(writer, `/var/lib/dpkg/${file}`, '', mtimeNs);
    putAptSettings(writer, mtimeNs);
    writer.finish();
  });

  const place = ingestPath(work.store.root, 'install');
  const pool = join(place, 'packages');
  mkdirSync(pool, { recursive: true });
  try {
    // dpkg gets to see just these packages, under the names that people know.
    for (const { path, plainName } of packages) linkSync(path, join(pool, plainName));
    await runStep(progress, `[base] install and configure ${packages.length} packages`, step =>
      installPackages(
        {
          sandbox,
          root: work.draft.dir,
          place,
          pool,
          groups: groups.map(group => group.map(each => each.plainName)),
          sourceDateEpoch: Number(mtimeNs / 1_000_000_000n),
          signal: work.signal,
        },
        step,
      ),
    );
  } finally {
    rmSync(place, { recursive: true, force: true });
  }

  const writer = work.layers.writer(work.draft, []);
  const status = readText(writer.tree, '/var/lib/dpkg/status') ?? '';
  const unfinished = unfinishedPackages(
    status,
    packages.map(each => each.package.name),
  );
  if (unfinished.length > 0)
    throw new StagecraftError('build', `dpkg left packages unconfigured: ${unfinished.join(', ')}.`);
  putSources(writer, work.setup, mtimeNs);
  writer.finish();
}
