import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, fixed } from '../testing.ts';
import { pipCacheLeft as rule } from './pip-cache-left.ts';

const of = (run: string) => check(rule, `FROM python:3.13\n${run}\n`);

test('An install that keeps its downloads is found', async () => {
  assert.deepEqual(await of('RUN pip install flask'), [
    '2:5 "pip install" leaves its cache of downloads in the layer; --no-cache-dir or a cache mount keeps it out',
  ]);
  for (const run of [
    'RUN pip3 install -r requirements.txt',
    'RUN /venv/bin/pip3.13 --quiet install flask',
    'RUN python3 -m pip install flask',
    'ENV PIP_NO_CACHE_DIR=\nRUN pip install flask',
  ])
    assert.equal((await of(run)).length, 1, run);
});

test('Without a cache, or with it in a mount, there is nothing to say', async () => {
  for (const run of [
    'RUN pip install --no-cache-dir flask',
    'ENV PIP_NO_CACHE_DIR=1\nRUN pip install flask',
    'ARG PIP_NO_CACHE_DIR=1\nRUN pip install flask',
    'RUN PIP_NO_CACHE_DIR=1 pip install flask',
    'RUN export PIP_NO_CACHE_DIR=1 && pip install flask',
    'RUN --mount=type=cache,target=/root/.cache/pip pip install flask',
    'RUN --mount=type=cache,target=/root/.cache pip install flask',
    'RUN pip install flask && rm -rf /root/.cache',
    'RUN pip install flask && pip cache purge',
    'RUN pip config set global.no-cache-dir true\nRUN pip install flask',
    'RUN pip wheel flask',
    'RUN pipx install flask',
    'RUN python setup.py install',
  ])
    assert.deepEqual(await of(run), [], run);
  const images = { 'python:3.13': { Env: ['PIP_NO_CACHE_DIR=1'] } };
  assert.deepEqual(await check(rule, 'FROM python:3.13\nRUN pip install flask\n', { images }), []);
});

test('A stage that is thrown away may keep them', async () => {
  const text = 'FROM python:3.13 AS a\nRUN pip install x\nFROM python:3.13\nCOPY --from=a /venv /venv\n';
  assert.deepEqual(await check(rule, text), []);
});

test('The fix adds the flag', async () => {
  assert.equal(
    await fixed(rule, 'FROM python:3\nRUN pip install \\\n    flask && python -m pip install x\n'),
    'FROM python:3\nRUN pip install --no-cache-dir \\\n    flask && python -m pip install --no-cache-dir x\n',
  );
});
