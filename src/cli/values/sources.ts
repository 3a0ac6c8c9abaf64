import type { SecretSource, SshSource } from '../../api/request.ts';
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

/** `--ssh default` or `--ssh ID=SOCKET`. @throws StagecraftError `usage` */
export function readSsh(text: string): SshSource {
  const [id, paths] = splitPair(text);
  if (id === '') throw new StagecraftError('usage', `The value "${text}" of --ssh has no name.`);
  return { id, paths: paths === undefined ? [] : paths.split(',').filter(path => path !== '') };
}
