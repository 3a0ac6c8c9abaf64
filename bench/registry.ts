// Pulls and pushes the same images with Stagecraft, skopeo and Buildah, with empty stores, against a registry on this
// machine, in turns, and prints medians and ratios. As root, with Debian's docker-registry. Takes some minutes.
// `npm run bench:registry -- push` runs only what has "push" in its title; `-- '' 9` runs each nine times.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measured } from './process.ts';
import { buildah, type Client, skopeo, stagecraft } from './registry-clients.ts';
import { makeBase, makeLarge, makeMany } from './registry-images.ts';
import { CountingProxy, RegistryServer } from './registry-server.ts';
import { cell, median, ratio, table } from './table.ts';

interface Scenario {
  readonly title: string;
  /** Nothing where the client cannot. */
  measure(client: Client): Promise<Measured | undefined>;
}

const [wanted = '', runs = '5'] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'stagecraft-bench-'));
const registry = await RegistryServer.start(scratch);
const proxy = await CountingProxy.start(registry.host);
try {
  const busybox = process.env.BENCH_BUSYBOX ?? '/bin/busybox';
  const layouts = { base: makeBase(scratch, busybox), many: makeMany(scratch, 64, busybox) };
  for (const [name, layout] of Object.entries(layouts))
    execFileSync('skopeo', [
      ...['copy', '-q', '--insecure-policy', '--dest-tls-verify=false'],
      ...[`oci:${layout}:latest`, `docker://${registry.host}/${name}:latest`],
    ]);
  const large = { ...makeLarge(scratch), files: join(scratch, 'large-files') };
  const clients = [stagecraft(scratch, large), buildah(scratch, large), skopeo(scratch, large)].filter(
    client => client !== undefined,
  );
  const rows = [['', ...clients.flatMap(({ name }, i) => (i === 0 ? [name] : [name, 'ratio']))]];
  for (const scenario of scenarios())
    if (scenario.title.includes(wanted)) rows.push(await row(scenario, clients));
  console.log(table(rows));
} finally {
  registry.stop();
  proxy.stop();
  rmSync(scratch, { recursive: true, force: true });
}

function scenarios(): Scenario[] {
  const pushed = (kind: 'pushFiles' | 'pushPacked') => async (client: Client) => {
    const way = client[kind];
    if (way === undefined) return undefined;
    await way.prepare();
    const measured = await way.push(`${registry.host}/large:latest`);
    // The next one shall find nothing of it.
    registry.forget('large', await registry.layersOf('large'));
    return measured;
  };
  return [
    {
      title: 'pull and unpack 180 MB, five layers',
      measure: async client => client.unpack?.(`${registry.host}/base:latest`),
    },
    {
      title: 'pull 180 MB, nothing unpacked',
      measure: async client => client.download?.(`${registry.host}/base:latest`),
    },
    { title: 'push a layer of 350 MB from files', measure: pushed('pushFiles') },
    { title: 'push a layer of 350 MB, compressed before', measure: pushed('pushPacked') },
    {
      title: 'pull and unpack 64 layers',
      async measure(client) {
        proxy.peak = 0;
        const measured = await client.unpack?.(`${proxy.host}/many:latest`);
        if (measured) process.stderr.write(`${client.name}: ${proxy.peak} connections at once\n`);
        return measured;
      },
    },
  ];
}

async function row({ title, measure }: Scenario, clients: readonly Client[]): Promise<string[]> {
  const measured = new Map<Client, Measured[]>(clients.map(client => [client, []]));
  for (let run = 0; run < Number(runs); run++)
    for (const [client, all] of measured) {
      client.reset();
      const one = await measure(client);
      if (one === undefined) continue;
      process.stderr.write(
        `${title}: ${client.name}: ${cell(one)}, ${one.cpuSeconds?.toFixed(2)} s of processor time\n`,
      );
      all.push(one);
      client.reset();
    }
  const medians = clients.map(client => median(measured.get(client)!));
  const own = medians[0]?.seconds ?? 0;
  return [title, ...medians.flatMap((one, i) => (i === 0 ? [cell(one)] : [cell(one), ratio(one, own)]))];
}
