import { StagecraftError } from '../../util/errors.ts';
import { defineCommand } from '../command.ts';
import { commands } from '../commands.ts';
import { completeInBash, completeInFish, completeInZsh } from '../completion.ts';

const shells = { bash: completeInBash, zsh: completeInZsh, fish: completeInFish };

export const command = defineCommand({
  name: 'completion',
  summary: 'Print a script that completes commands in a shell',
  usage: 'bash|zsh|fish',
  flags: {},
  args: { min: 1, max: 1, complete: Object.keys(shells) },
  examples: [
    ['bash, in ~/.bashrc', 'source <(stagecraft completion bash)'],
    ['zsh, in ~/.zshrc', 'source <(stagecraft completion zsh)'],
    ['fish', 'stagecraft completion fish > ~/.config/fish/completions/stagecraft.fish'],
  ],
  async run(_flags, [shell], { stdout }) {
    if (!Object.hasOwn(shells, shell!))
      throw new StagecraftError('usage', `There is no completion for the shell ${shell}.`, {
        hint: `There is one for ${Object.keys(shells).join(', ')}.`,
      });
    const all = await Promise.all(Object.values(commands).map(entry => entry.load()));
    stdout.write(shells[shell as keyof typeof shells](all));
  },
});
