import { posix } from 'node:path';
import { file } from '../llb/index.ts';
import type { SourceRange } from '../util/errors.ts';
import { goQuote } from '../util/go-text.ts';
import { addHistory } from './history.ts';
import { configure } from './images.ts';
import { parseOwner } from './owner.ts';
import { type Planner, platformFor } from './planner.ts';
import type { StagePlan } from './stage-plan.ts';
import { stepName } from './step-name.ts';
import { fromWindows, toWindows } from './windows-path.ts';

/** The directory that a path means from here: relative to the working directory before. */
export function setWorkingDirectory(stage: StagePlan, written: string): string {
  const isWindows = stage.platform?.os === 'windows';
  const [path = '', before = ''] = [written, stage.image.config?.WorkingDir || '/'].map(each =>
    isWindows ? fromWindows(each) : each,
  );
  const directory = path === '' ? before : posix.isAbsolute(path) ? path : posix.resolve('/', before, path);
  stage.image = configure(stage.image, { WorkingDir: isWindows ? toWindows(directory) : directory });
  stage.cwd = directory;
  return directory;
}

/**
 * WORKDIR makes the directory where it does not exist, owned by the user that USER named, and its history entry has a
 * layer even where it existed; but `/` is always there and makes none.
 * @param shown the instruction as progress shows it
 */
export function planWorkdir(
  planner: Planner,
  stage: StagePlan,
  path: string,
  shown: () => string,
  range: SourceRange,
): void {
  const isAbsolute = posix.isAbsolute(stage.platform?.os === 'windows' ? fromWindows(path) : path);
  if (!stage.workdirSet && !isAbsolute) {
    planner.warnings.add(
      'WorkdirRelativePath',
      `Relative workdir ${goQuote(path)} can have unexpected results if the base image changes`,
      range,
    );
  }
  stage.workdirSet = true;
  const directory = setWorkingDirectory(stage, path);
  const makes = directory !== '/';
  if (makes) {
    const user = stage.image.config?.User;
    stage.tree = file(
      stage.tree,
      [
        {
          do: 'mkdir',
          path: directory,
          mode: 0o755,
          parents: true,
          ...(user && { owner: parseOwner(user) }),
          ...(planner.epoch !== undefined && { timestamp: BigInt(planner.epoch) * 1_000_000_000n }),
        },
      ],
      {
        name: stepName(stage, shown(), {
          shown: planner.request.multiPlatform ?? false,
          of: platformFor(planner, stage),
          env: stage.env,
        }),
        range,
      },
    );
  }
  addHistory(planner, stage, `WORKDIR ${directory}`, makes);
}
