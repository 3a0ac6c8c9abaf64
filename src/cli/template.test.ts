import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillTemplate } from './template.ts';

const image = {
  Id: 'sha256:abc',
  Size: 12,
  RepoTags: ['a:1', 'b:2'],
  Config: { Env: ['A=1'], Labels: { 'org.example/x': 'y', b: 'c' } },
};

test('fields, inner fields, lists and maps are printed as Go prints them', () => {
  assert.equal(fillTemplate('{{.Id}} {{ .Size }}', image), 'sha256:abc 12');
  assert.equal(fillTemplate('{{.RepoTags}} {{.Config.Labels}}', image), '[a:1 b:2] map[b:c org.example/x:y]');
  assert.equal(fillTemplate('{{.Nothing.Here}}', image), '<no value>');
});

test('json and index', () => {
  assert.equal(fillTemplate('{{json .Config.Env}}', image), '["A=1"]');
  assert.deepEqual(JSON.parse(fillTemplate('{{json .}}', image)), image);
  assert.equal(fillTemplate('{{index .RepoTags 1}}', image), 'b:2');
  assert.equal(fillTemplate('{{index .Config.Labels "org.example/x"}}', image), 'y');
});

test('what is not supported is an error, not silence', () => {
  for (const template of [
    '{{range .RepoTags}}x{{end}}',
    '{{if .Id}}',
    '{{.Id | upper}}',
    '{{}}',
    '{{printf "%s" .Id}}',
  ])
    assert.throws(() => fillTemplate(template, image), /cannot be understood/, template);
});

test('fields of the language itself are not fields of the data', () => {
  assert.equal(fillTemplate('{{.constructor}}{{.__proto__}}', image), '<no value><no value>');
});
