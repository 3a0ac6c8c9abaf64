import type { BuildRequest } from '../api/request.ts';
import { parseBoolean } from '../util/boolean.ts';
import { StagecraftError } from '../util/errors.ts';
import type { Surroundings } from './command.ts';

/** What `--call` asks of the frontend, as buildx reads it: `METHOD[,format=json][,ignorestatus=BOOL]`. */
export interface Call {
  readonly method: Method;
  readonly json: boolean;
  /** True if findings of a check are no failure. */
  readonly ignoreStatus: boolean;
}

const methods = ['build', 'check', 'outline', 'targets', 'llb'] as const;
type Method = (typeof methods)[number];

/** What completion offers. */
export const calls = methods.flatMap(method =>
  method === 'build' ? [method] : [method, `${method},format=json`],
);

/** @throws StagecraftError `usage` */
export function parseCall(text: string): Call {
  const [name, ...options] = text.split(',');
  // What the check was called when it was new.
  const method = name === 'lint' ? 'check' : methods.find(each => each === name);
  if (method === undefined) throw unknown(text, `There are ${methods.join(', ')}.`);
  let call: Call = { method, json: false, ignoreStatus: false };
  for (const option of options) {
    const [key, value = ''] = option.split('=', 2);
    const flag = parseBoolean(value);
    if (key === 'format' && (value === 'json' || value === 'text'))
      call = { ...call, json: value === 'json' };
    else if (key === 'ignorestatus' && flag !== undefined) call = { ...call, ignoreStatus: flag };
    else throw unknown(text, 'After the method there may be format=json and ignorestatus=true.');
  }
  return call;
}

function unknown(text: string, hint: string): StagecraftError {
  return new StagecraftError('usage', `The value "${text}" of --call is unknown.`, { hint });
}

/**
 * Answers a call other than `build` and `llb` on standard output.
 * @returns the exit code, as buildx has it: 1 for a check that found something
 * @throws StagecraftError what is wrong with the Dockerfile
 */
export async function answerCall(
  { method, json, ignoreStatus }: Call,
  request: BuildRequest,
  { stdout, stderr }: Surroundings,
): Promise<number> {
  if (method === 'check') {
    const { checkBuild } = await import('../api/checks.ts');
    const { lintResults, lintText } = await import('../lint/formats/buildkit.ts');
    const report = await checkBuild(request);
    stdout.write(json ? `${JSON.stringify(lintResults([report]), null, 2)}\n` : lintText(report));
    const { unknownImages, error, findings } = report;
    if (unknownImages.length > 0)
      stderr.write(`Not in the store, so not looked at: ${unknownImages.join(', ')}\n`);
    if (error !== undefined) throw error;
    return findings.length > 0 && !ignoreStatus ? 1 : 0;
  }
  const { outline, targets } = await import('../api/calls.ts');
  const result = await (method === 'outline' ? outline : targets)(request);
  stdout.write(json ? `${JSON.stringify(result.json, null, 2)}\n` : result.text);
  return 0;
}
