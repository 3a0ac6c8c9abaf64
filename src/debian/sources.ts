import { join } from 'node:path';
import { listParts, readIfThere } from './apt-config.ts';
import { parseStanzas } from './stanza.ts';

/** One archive that apt is told of: one suite at one address (sources.list(5)). */
export interface AptSource {
  /** Without the slash at its end. May hold a user name and password. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Empty for all. */
  readonly architectures: readonly string[];
  /** What `Signed-By` names: key ring files, fingerprints, or one armored key; empty for apt's trusted keys. */
  readonly signedBy: readonly string[];
  /** `Check-Valid-Until`, where the source sets it. */
  readonly checkValidUntil?: boolean;
}

/** All sources of binary packages in `sources.list` and `sources.list.d`. */
export function readSources(aptDir: string): AptSource[] {
  const directory = join(aptDir, 'sources.list.d');
  const lines = [join(aptDir, 'sources.list'), ...listParts(directory, 'list')];
  return [
    ...lines.flatMap(file => parseOneLineSources(readIfThere(file) ?? '')),
    ...listParts(directory, 'sources').flatMap(file => parseDeb822Sources(readIfThere(file) ?? '')),
  ];
}

/** The one-line style: `deb [signed-by=/a.gpg] http://host/debian bookworm main contrib`. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+[^#\s]+)*)\s*(?:#.*)?$/.exec(line);
    if (!match) continue;
    const [, options = '', uri, suite, components] = match;
    const option = new Map(
      options
        .split(/\s+/)
        .filter(text => text.includes('='))
        .map(text => [text.slice(0, text.indexOf('=')).toLowerCase(), text.slice(text.indexOf('=') + 1)]),
    );
    sources.push({
      uri: uri!.replace(/\/+$/, ''),
      suite: suite!,
      components: words(components),
      architectures: list(option.get('arch')),
      signedBy: list(option.get('signed-by')),
      ...validity(option.get('check-valid-until')),
    });
  }
  return sources;
}

/** The deb822 style of `.sources` files. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of parseStanzas(text)) {
    if (!words(stanza.get('types')).includes('deb')) continue;
    if (/^(no|false|0|off)$/i.test(stanza.get('enabled') ?? 'yes')) continue;
    const signedBy = stanza.get('signed-by') ?? '';
    for (const uri of words(stanza.get('uris')))
      for (const suite of words(stanza.get('suites')))
        sources.push({
          uri: uri.replace(/\/+$/, ''),
          suite,
          components: words(stanza.get('components')),
          architectures: words(stanza.get('architectures')),
          signedBy: signedBy.includes('BEGIN PGP')
            ? [signedBy.trim()]
            : signedBy.split(/[\s,]+/).filter(Boolean),
          ...validity(stanza.get('check-valid-until')),
        });
  }
  return sources;
}

const words = (text = ''): string[] => text.split(/\s+/).filter(Boolean);
const list = (text = ''): string[] => text.split(',').filter(Boolean);

function validity(value: string | undefined): { checkValidUntil?: boolean } {
  return value === undefined ? {} : { checkValidUntil: !/^(no|false|0|off)$/i.test(value) };
}
