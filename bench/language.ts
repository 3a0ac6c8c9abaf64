// How long it takes to read Dockerfiles, check them, and plan builds, in one process and without running anything:
// `npm run bench:language`.
import { planAndCheck } from '../src/api/checked-plan.ts';
import { parseDockerfile } from '../src/dockerfile/parse.ts';
import { planDockerfile } from '../src/frontend/plan.ts';
import { debian, requestOf, resolverOf } from '../src/frontend/testing.ts';
import { unmarshal } from '../src/llb/index.ts';
import { manyStages, realisticDockerfile } from './dockerfiles.ts';

const files = Array.from({ length: 1000 }, (_, n) => Buffer.from(realisticDockerfile(n)));
const resolveImage: ReturnType<typeof resolverOf> = (ref, platform) =>
  resolverOf({ [ref]: debian['docker.io/library/debian:bookworm']! })(ref, platform);

await measure('parse 1,000 Dockerfiles', 1, () => {
  for (const text of files) parseDockerfile(text, 'Dockerfile');
});
await measure('parse, plan and check 1,000 Dockerfiles', 1, async () => {
  for (const text of files) {
    const { error } = await planAndCheck(requestOf(text, { resolveImage }), () => undefined, 'advice');
    if (error !== undefined) throw error;
  }
});

for (const [reached, unreached] of [
  [500, 0],
  [500, 500],
  [1, 500],
  [1, 0],
] as const) {
  const text = manyStages(reached, unreached);
  const what = `${reached} stages reached, ${unreached} not`;
  await measure(`parse ${what}`, 5, () => void parseDockerfile(Buffer.from(text), 'Dockerfile'));
  await measure(`plan ${what}`, 5, async () => {
    const { definition, stages } = await planDockerfile(requestOf(text, { resolveImage }));
    if (stages.length !== reached) throw new Error(`${stages.length} stages are reached`);
    unmarshal(definition);
  });
}

/** Prints the time of the first run, as a command has it, the best of all runs, and what a busy machine leaves true. */
async function measure(what: string, runs: number, run: () => unknown): Promise<void> {
  const times: number[] = [];
  const used = process.cpuUsage();
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(used);
  const best = runs > 1 ? `, best of ${runs} ${Math.min(...times).toFixed(0)} ms` : '';
  const processor = `, ${((user + system) / 1000 / runs).toFixed(0)} ms of processor time each`;
  console.log(`${what}: ${times[0]?.toFixed(0)} ms${best}${processor}`);
}
