import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite, test } from 'node:test';

const source = join(import.meta.dirname, '../src');
const rooms = readdirSync(source, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

/** The files that each file of the sources imports, types included; what is loaded later does not count. */
const imports = new Map(
  readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.ts$/.test(file) && !/\.(test|d)\.ts$|\/(testing|fixture)\.ts$/.test(file))
    .map(file => {
      const text = readFileSync(join(source, file), 'utf8');
      const found = [...text.matchAll(/^(?:import|export) [^;'"]*from '(\.[^']+)';$/gm)];
      return [file, found.map(([, path]) => relative(source, join(source, dirname(file), path!)))] as const;
    }),
);

/** The first way that leads back to where it began. */
function findCycle(graph: ReadonlyMap<string, Iterable<string>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...way, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}

suite('the sources', () => {
  test('the map names each room, and each room says what it is for', () => {
    const map = readFileSync(join(source, '../ARCHITECTURE.md'), 'utf8');
    const named = [...map.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell!.match(/\w+/g) ?? []);
    // The row of the public functions names their first user as well.
    assert.deepEqual([...new Set([...named, 'cli'])].sort(), rooms.toSorted());
    assert.deepEqual(
      rooms.filter(room => !existsSync(join(source, room, 'README.md'))),
      [],
    );
  });

  test('imports between rooms go one way', () => {
    const roomOf = (file: string): string => file.split('/')[0]!;
    const graph = new Map(rooms.map(room => [room, new Set<string>()]));
    for (const [file, imported] of imports)
      for (const other of imported)
        if (roomOf(other) !== roomOf(file)) graph.get(roomOf(file))?.add(roomOf(other));
    assert.ok(
      [...graph.values()].some(({ size }) => size > 5),
      'imports are found',
    );
    assert.equal(findCycle(graph)?.join(' -> '), undefined);
  });

  test('imports between files go one way', () => {
    assert.equal(findCycle(imports)?.join(' -> '), undefined);
  });
});
