import type { Topic } from './case.ts';
import { add } from './cases/add.ts';
import { args } from './cases/args.ts';
import { copy } from './cases/copy.ts';
import { entry } from './cases/entry.ts';
import { env } from './cases/env.ts';
import { expansion } from './cases/expansion.ts';
import { healthcheck } from './cases/healthcheck.ts';
import { ignore } from './cases/ignore.ts';
import { inheritance } from './cases/inheritance.ts';
import { labels } from './cases/labels.ts';
import { layers } from './cases/layers.ts';
import { links } from './cases/links.ts';
import { mounts } from './cases/mounts.ts';
import { names } from './cases/names.ts';
import { newer } from './cases/newer.ts';
import { onbuild } from './cases/onbuild.ts';
import { permissions } from './cases/permissions.ts';
import { ports } from './cases/ports.ts';
import { refusals } from './cases/refusals.ts';
import { run } from './cases/run.ts';
import { shell } from './cases/shell.ts';
import { stages } from './cases/stages.ts';
import { text } from './cases/text.ts';
import { users } from './cases/users.ts';
import { workdir } from './cases/workdir.ts';

export const topics: readonly Topic[] = [
  ...[copy, add, links, names, permissions, ignore],
  ...[run, mounts, shell, users, workdir, layers],
  ...[args, env, expansion, stages, inheritance, onbuild],
  ...[labels, ports, entry, healthcheck, text, newer, refusals],
];
