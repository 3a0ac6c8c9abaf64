import { logout } from '../../api/login.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'logout',
  summary: 'Forget the password of a registry',
  usage: '[REGISTRY]',
  flags: {},
  args: { min: 0, max: 1 },
  examples: [
    ['One registry', 'stagecraft logout registry.example.com'],
    ['Docker Hub', 'stagecraft logout'],
  ],
  async run(_flags, [name = 'docker.io'], { stdout }) {
    const { registry, found, elsewhere } = await logout(name);
    stdout.write(found ? `Logged out of ${registry}.\n` : `No password is kept for ${registry}.\n`);
    for (const file of elsewhere) stdout.write(`Another tool keeps one in ${file}, which is used as well.\n`);
    return 0;
  },
});
