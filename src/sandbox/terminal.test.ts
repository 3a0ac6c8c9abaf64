import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram, rungNames } from './choose.ts';
import { shellCommand } from './shell.ts';
import { cannotRun, LayerFixture } from './testing.ts';

const program = fileURLToPath(new URL('./testing-run.ts', import.meta.url));
const noTerminal = findProgram('script') === undefined ? 'needs script of bsdutils' : cannotRun;

for (const rung of rungNames) {
  const missing = rung !== 'builtin' && findProgram(rung) === undefined ? `needs ${rung}` : noTerminal;
  describe(`a terminal in the ${rung} sandbox`, { skip: missing }, () => {
    let fixture: LayerFixture;
    before(() => {
      fixture = new LayerFixture();
    });
    after(() => fixture.remove());

    /** Types lines into a shell in the sandbox, each once the text before it was seen; returns what was shown. */
    async function converse(
      line: string,
      talk: readonly [seen: string, typed: string][],
    ): Promise<[string, number]> {
      const command = shellCommand([
        process.execPath,
        program,
        rung,
        fixture.base,
        fixture.upper().dir,
        line,
      ]);
      const child = spawn('script', ['-qec', `stty cols 77 rows 33; ${command}`, '/dev/null'], {
        env: { ...process.env, TTY: 'yes' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const waiting = [...talk];
      let shown = '';
      child.stdout.on('data', data => {
        shown += data;
        while (waiting[0] !== undefined && shown.includes(waiting[0][0]))
          child.stdin.write(waiting.shift()![1]);
      });
      // A test that waits for ever tells nothing.
      const tooLong = setTimeout(() => child.kill('SIGKILL'), 10_000);
      const [code] = await once(child, 'close');
      clearTimeout(tooLong);
      return [shown, code];
    }

    it('is a terminal of its own, as large as the window, and passes the exit code on', async () => {
      const line = 'tty && stty size; echo text >/dev/tty; [ -c /dev/console ] && exit 6';
      const [shown, code] = await converse(line, []);
      assert.match(shown, /\/dev\/(console|pts\/0)\r\n33 77\r\ntext\r\n/);
      assert.equal(code, 6);
    });

    it('takes what is typed; Ctrl-C interrupts what runs', async () => {
      const line = `trap 'echo interrupted; exit 7' INT; echo 'name?'; read name; echo "hello $name"; echo wait; while :; do sleep 0.05; done`;
      const [shown, code] = await converse(line, [
        ['name?\r\n', 'friend\r'],
        ['wait\r\n', '\x03'],
      ]);
      assert.match(shown, /hello friend\r\n/);
      assert.match(shown, /interrupted\r\n$/);
      assert.equal(code, 7);
    });
  });
}
