import { text } from 'node:stream/consumers';
import { login } from '../../api/login.ts';
import { askSecret, askText } from '../ask.ts';
import { defineCommand } from '../command.ts';
import { insecureFlag } from '../flags.ts';
import { usageError } from '../parse.ts';

export const command = defineCommand({
  name: 'login',
  summary: 'Keep a password for a registry',
  usage: '[REGISTRY]',
  description: `
The registry is asked first whether it accepts it. Docker and others use the same place: the credential helper of
Docker's configuration, else that file itself; or the file that REGISTRY_AUTH_FILE names. Without a name the registry
is Docker Hub.`,
  flags: {
    insecure: insecureFlag,
    password: {
      kind: 'text',
      short: 'p',
      value: 'PASSWORD',
      help: 'The password; better give it on standard input',
    },
    'password-stdin': { kind: 'boolean', help: 'Take the password from standard input' },
    username: { kind: 'text', short: 'u', value: 'NAME', help: 'The user name' },
  },
  args: { min: 0, max: 1 },
  examples: [
    ['With questions', 'stagecraft login registry.example.com'],
    ['In a script', 'cat token | stagecraft login -u ci --password-stdin registry.example.com'],
  ],
  async run(flags, [name = 'docker.io'], surroundings) {
    const { stdin, stdout, signal } = surroundings;
    const fromStdin = flags['password-stdin'] ?? false;
    if (fromStdin && (flags.username === undefined || flags.password !== undefined))
      throw usageError(command, '--password-stdin needs --username, and no --password.');
    const username = flags.username ?? (await askText('User name: ', surroundings));
    const password = fromStdin
      ? (await text(stdin)).replace(/\r?\n$/, '')
      : (flags.password ?? (await askSecret('Password: ', surroundings)));
    if (username === '' || password === '') throw usageError(command, 'User name or password is empty.');
    const keeper = await login(name, username, password, { insecure: flags.insecure, signal });
    const place =
      keeper.type === 'file' ? `unencrypted in ${keeper.path}` : `by docker-credential-${keeper.name}`;
    stdout.write(`Logged in to ${keeper.registry}. The password is kept ${place}.\n`);
    return 0;
  },
});
