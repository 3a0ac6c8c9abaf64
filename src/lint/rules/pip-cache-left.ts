import type { Mount } from '../../dockerfile/types.ts';
import { pipInstallWord } from '../installations.ts';
import { ownPage } from '../pages.ts';
import type { RunCommand, RunStep } from '../run-commands.ts';
import { lineageOf, runsOf } from '../stages.ts';
import type { PlanSubject, Rule } from '../types.ts';

const name = 'PipCacheLeft';

/** `pip install` into the final image that keeps what it downloaded. */
export const pipCacheLeft: Rule<PlanSubject> = {
  name,
  description: "pip's cache of downloads should not be left in the final image",
  url: ownPage(name),
  level: 'advice',
  async check(subject, report) {
    let isConfigured = false;
    for (const step of await runsOf(subject, lineageOf(subject.target), /\bpip/)) {
      isConfigured ||= step.commands.some(setsConfig);
      if (isConfigured || step.known.mounts.some(holdsCache) || step.commands.some(removesCache)) continue;
      for (const command of step.commands) {
        const install = pipInstallWord(command);
        if (install === undefined || isWithoutCache(command, step)) continue;
        const edit = command.edit({ start: install.end, end: install.end }, ' --no-cache-dir');
        report({
          message:
            '"pip install" leaves its cache of downloads in the layer; --no-cache-dir or a cache mount keeps it out',
          range: command.range({ start: command.words[0]!.start, end: install.end }),
          fix: edit && { title: 'Add --no-cache-dir', edits: [edit] },
        });
      }
    }
  },
};

function isWithoutCache({ words, variables }: RunCommand, { known, commands }: RunStep): boolean {
  if (words.some(({ text }) => /^--(?:no-cache-dir$|cache-dir|dry-run$|download)/.test(text))) return true;
  const exported = commands.some(
    ({ name, words }) => name === 'export' && words.some(({ text }) => /^PIP_NO_CACHE_DIR=./.test(text)),
  );
  const value = variables.get('PIP_NO_CACHE_DIR') ?? known.env.get('PIP_NO_CACHE_DIR');
  // Whatever it says: pip has taken even "off" for a wish to do without.
  return exported || (value !== undefined && value !== '');
}

function setsConfig({ words }: RunCommand): boolean {
  return words.some(({ text }) => /^(?:global|install)\.no-cache-dir$/.test(text));
}

function removesCache({ name, words }: RunCommand): boolean {
  if (name === 'rm') return words.some(({ text }) => /(?:^|\/)\.cache(?:\/|$)/.test(text));
  return words.some(({ text }, index) => text === 'cache' && words[index + 1]?.text === 'purge');
}

function holdsCache({ type, target }: Mount): boolean {
  return (type === 'cache' || type === 'tmpfs') && /(?:\.cache|pip|^\/root\/?$)/.test(target);
}
