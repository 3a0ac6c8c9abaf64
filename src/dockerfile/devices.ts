import { parseBoolean } from '../util/boolean.ts';
import { parseFields } from './csv.ts';
import { didYouMean, fail, located, quote } from './fail.ts';
import type { Device, Flag } from './types.ts';

/**
 * Reads a `--device`: the name of a CDI device, and whether it must be there.
 *
 * @throws StagecraftError `dockerfile`, at the flag
 */
export function parseDeviceFlag({ value = '', range }: Flag): Device {
  return located(range, () => {
    let name = '';
    let required = false;
    for (const text of parseFields(value)) {
      const equals = text.indexOf('=');
      const key = (equals < 0 ? text : text.slice(0, equals)).toLowerCase();
      const given = equals < 0 ? undefined : text.slice(equals + 1);
      if (key === 'required') {
        required =
          given === undefined || (parseBoolean(given) ?? fail(`${quote(text)}: required is true or false.`));
      } else if (key === 'name' && given !== undefined) {
        if (name !== '') fail(`A --device has one name, and it is ${name} already.`);
        name = given;
      } else if (name === '') name = text;
      else
        fail(`${quote(text)} in a --device is not known.`, undefined, didYouMean(key, ['name', 'required']));
    }
    return { name, required };
  });
}
