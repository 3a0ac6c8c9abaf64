import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeElf } from '../../files/testing.ts';
import { type Files, findings, imageOf } from '../testing.ts';
import { missingTimeZones as rule } from './missing-time-zones.ts';

const app = { mode: 0o755, content: makeElf({ interpreter: '/lib/ld.so' }) };
const of = async (rest: string, tree: Files) =>
  findings(rule, await imageOf(`FROM scratch\nCOPY x /x\n${rest}`, tree));
const program = (functions: string[], constants: string[]) => ({
  mode: 0o755,
  content: makeElf({
    sections: {
      '.go.buildinfo': 'x',
      '.gopclntab': `\0${functions.join('\0')}\0`,
      '.rodata': constants.join(''),
    },
  }),
});

test('TZ names a zone that is not there', async () => {
  assert.deepEqual(await of('ENV A=1 TZ=Europe/Berlin\nCMD ["/app"]\n', { app }), [
    '3:1 TZ is set to Europe/Berlin, and the image has no /usr/share/zoneinfo; copy it from a stage that has the package tzdata',
  ]);
  for (const zone of ['UTC', 'CET-1CEST', '/etc/localtime'])
    assert.deepEqual(await of(`ENV TZ=${zone}\nCMD ["/app"]\n`, { app }), [], zone);
  const data = { app, 'usr/share/zoneinfo/Europe/Berlin': 'TZif' };
  assert.deepEqual(await of('ENV TZ=Europe/Berlin\nCMD ["/app"]\n', data), []);
});

test('A Go program that loads zones and names one needs the data, unless it has them in it', async () => {
  const cmd = 'CMD ["/app"]\n';
  const loads = 'time.LoadLocation';
  assert.deepEqual(await of(cmd, { app: program([loads], ['xAmerica/New_Yorky']) }), [
    '3:1 /app is a Go program that uses time zones such as America/New_York, and the image has no /usr/share/zoneinfo; copy it from a stage that has the package tzdata',
  ]);
  for (const each of [
    program([loads], ['UTC']),
    program(['time.Now'], ['Europe/Berlin']),
    program([loads, 'time/tzdata.init.0'], ['Europe/Berlin']),
    program(['time.LoadLocationFromTZData'], ['Europe/Berlin']),
  ])
    assert.deepEqual(await of(cmd, { app: each }), []);
  assert.deepEqual(await of(`ENV TZ=Europe/Berlin\n${cmd}`, { app: program(['time/tzdata.init'], []) }), []);
});
