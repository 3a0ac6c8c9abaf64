import type { SecretSource, SshSource } from '../../api/request.ts';
import { parseBoolean } from '../../util/boolean.ts';
import { parseCsv } from '../../util/csv.ts';
import { StagecraftError } from '../../util/errors.ts';
import { splitPair } from './pairs.ts';

/**
 * `--secret id=ID,src=FILE` or `id=ID,env=NAME`; with neither, the variable of that name, else the file.
 * @throws StagecraftError `usage`
 */
export function readSecret(text: string, env: NodeJS.ProcessEnv): SecretSource {
  let [id, file, variable, type]: (string | undefined)[] = [];
  for (const field of parseCsv(text)) {
    const [key, value = ''] = splitPair(field);
    const name = key.trim().toLowerCase();
    if (name === 'id') id = value;
    else if (name === 'source' || name === 'src') file = value;
    else if (name === 'env') variable = value;
    else if (name === 'type' && (value === 'file' || value === 'env')) type = value;
    else
      throw malformed(
        text,
        name === 'type' ? `the type ${value} is neither file nor env` : `it has no field ${key}`,
      );
  }
  if (!id) throw malformed(text, 'it needs an id');
  if (type === 'env') {
    variable ??= file;
    file = undefined;
  }
  if (file) return { id, file };
  if (variable) return { id, env: variable };
  return type !== 'file' && env[id] !== undefined ? { id, env: id } : { id, file: id };
}

function malformed(text: string, reason: string): StagecraftError {
  return new StagecraftError('usage', `The value "${text}" of --secret is wrong: ${reason}.`, {
    hint: 'Write id=NAME,src=FILE or id=NAME,env=VARIABLE.',
  });
}

/**
 * `--ssh ID`, `--ssh ID=SOCKET[,raw=true]` or `--ssh ID=KEYFILE,...`; no ID is `default`.
 * @throws StagecraftError `usage`
 */
export function readSsh(text: string): SshSource {
  const [id, value] = splitPair(text);
  const source: SshSource = { id: id || 'default', paths: [] };
  for (const part of value?.split(',') ?? []) {
    const [key, setting] = splitPair(part);
    if (key === 'raw' && setting !== undefined) {
      const raw = parseBoolean(setting);
      if (raw === undefined) throw wrongAgent(text, `${setting} is neither true nor false`);
      source.raw = raw;
    } else if (part !== '') source.paths.push(part);
  }
  if (source.raw && source.paths.length !== 1) throw wrongAgent(text, 'raw=true takes one socket');
  return source;
}

/** All values of `--ssh`. @throws StagecraftError `usage` for two of one ID */
export function readAgents(texts: readonly string[]): SshSource[] {
  const agents = texts.map(readSsh);
  const twice = agents.find(({ id }, index) => agents.findIndex(other => other.id === id) !== index);
  if (twice === undefined) return agents;
  throw new StagecraftError('usage', `There are two --ssh with the ID '${twice.id}'.`, {
    hint: `Name all key files in one: --ssh ${twice.id}=FILE,FILE`,
  });
}

function wrongAgent(text: string, reason: string): StagecraftError {
  return new StagecraftError('usage', `The value "${text}" of --ssh is wrong: ${reason}.`, {
    hint: 'Write ID, ID=SOCKET or ID=KEYFILE[,KEYFILE...].',
  });
}
