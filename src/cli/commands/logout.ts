import { logout } from '../../api/login.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'logout',
  summary: 'Forget the password of a registry',
  usage: '[REGISTRY]',
  flags: {},
  args: { min: 0, max: 1 },
  examples: [['One registry', 'stagecraft logout registry.example.com']],
  async run(_flags, [registry = 'docker.io'], { stdout }) {
    stdout.write(
      logout(registry) ? `Logged out of ${registry}.\n` : `No password is kept for ${registry}.\n`,
    );
    return 0;
  },
});
