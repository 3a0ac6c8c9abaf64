import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFilter } from './bpf.ts';
import { type Architecture, architectures, syscallNumbers } from './numbers.ts';
import { seccompConfig } from './oci.ts';
import { type ArgumentTest, defaultProfile, pretendedOwners, type Rule, withRules } from './profile.ts';

const audit: Record<Architecture, number> = {
  x86_64: 0xc000003e,
  x86: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};
const machines: Record<Architecture, NodeJS.Architecture> = {
  x86_64: 'x64',
  x86: 'x64',
  aarch64: 'arm64',
  arm: 'arm64',
};
const docker = defaultProfile(new Set(['CAP_SYS_CHROOT', 'CAP_SETPCAP', 'CAP_MKNOD']));

/** Runs a filter program as the kernel does: `allow`, `kill`, or the errno. */
function judge(program: Buffer, architecture: number, number: number, ...given: number[]): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of given.entries())
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  let accumulator = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    const code = program.readUInt16LE(8 * pc);
    const [yes, no] = [program.readUInt8(8 * pc + 2), program.readUInt8(8 * pc + 3)];
    const k = program.readUInt32LE(8 * pc + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x05) pc += k;
    else if (code === 0x15) pc += accumulator === k ? yes : no;
    else if (code === 0x25) pc += accumulator > k ? yes : no;
    else if (code === 0x35) pc += accumulator >= k ? yes : no;
    else if (code === 0x45) pc += (accumulator & k) !== 0 ? yes : no;
    else if (code === 0x06) {
      if (k === 0x7fff0000) return 'allow';
      return k === 0x80000000 ? 'kill' : String(k & 0xffff);
    } else assert.fail(`unknown instruction ${code}`);
  }
  return assert.fail('the program does not end');
}

function satisfying(test: ArgumentTest): number {
  if (test.op === 'equal') return test.value;
  if (test.op === 'less') return test.value - 1;
  return test.op === 'greater' ? test.value + 1 : 0;
}

describe("Docker's seccomp profile as a program", () => {
  for (const architecture of architectures) {
    it(`judges every call of ${architecture} as its rules say`, () => {
      const program = compileFilter(docker, machines[architecture])!;
      assert.ok(program.length / 8 <= 4096, 'the kernel takes 4096 instructions');
      const rules = new Map(docker.map(rule => [rule.name, rule]));
      const verdict = (rule: Rule | undefined): string =>
        rule === undefined ? '1' : rule.action === 'allow' ? 'allow' : String(rule.errno);
      for (const [name, number] of syscallNumbers(architecture)) {
        const rule = rules.get(name);
        const tests = rule?.action === 'allow' ? (rule.when ?? []) : [];
        const given = tests.length === 0 ? [0] : tests.map(satisfying);
        for (const value of given)
          assert.equal(
            judge(program, audit[architecture], number, value),
            verdict(rule),
            `${name}(${value})`,
          );
      }
    });

    it(`says of calls newer than it knows on ${architecture} that they do not exist`, () => {
      const program = compileFilter(docker, machines[architecture])!;
      for (const number of [600, 5000, 0x40000000, 0x40000001, 0xffffffff])
        assert.equal(judge(program, audit[architecture], number), '38');
    });
  }

  it('refuses namespaces, the kernel crypto interface, hypervisor sockets and foreign personalities', () => {
    const program = compileFilter(docker, 'x64')!;
    const call = (name: string, ...given: number[]): string =>
      judge(program, audit.x86_64, syscallNumbers('x86_64').get(name)!, ...given);
    assert.equal(call('clone', 0x11), 'allow');
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
      assert.equal(call('clone', flag | 0x11), '1');
    assert.equal(call('clone3'), '38');
    for (const name of ['unshare', 'setns', 'mount', 'bpf', 'add_key', 'keyctl', 'kexec_load', 'ptrace'])
      assert.equal(
        call(name),
        name === 'ptrace' ? 'allow' : syscallNumbers('x86_64').has(name) ? '1' : call(name),
      );
    for (const family of [1, 2, 10, 16, 17]) assert.equal(call('socket', family), 'allow');
    for (const family of [38, 40]) assert.equal(call('socket', family), '1');
    // The kernel looks at the low half only, so the high half must not open a way around.
    assert.equal(call('socket', 2 ** 32 + 38), '1');
    for (const personality of [0, 8, 0x20000, 0x20008, 0xffffffff, -1])
      assert.equal(call('personality', personality), 'allow');
    assert.equal(call('personality', 0x40000), '1');
    // add_key, request_key, keyctl, kexec_load, kexec_file_load
    for (const number of [248, 249, 250, 246, 320]) assert.equal(judge(program, audit.x86_64, number), '1');
  });

  it('lets no program of another architecture run', () => {
    assert.equal(judge(compileFilter(docker, 'x64')!, audit.aarch64, 0), 'kill');
    assert.equal(judge(compileFilter(docker, 'arm64')!, audit.x86_64, 0), 'kill');
    assert.equal(compileFilter(docker, 'riscv64'), undefined);
  });

  it('opens more calls with more capabilities', () => {
    const names = new Set(
      defaultProfile(new Set(['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'])).map(rule => rule.name),
    );
    for (const name of ['mount', 'unshare', 'setns', 'kcmp', 'bpf']) assert.ok(names.has(name), name);
    const all = defaultProfile(new Set(['CAP_SYS_CHROOT']));
    assert.deepEqual(
      all.filter(rule => rule.name === 'chroot'),
      [{ name: 'chroot', action: 'allow' }],
    );
  });

  it('pretends to give files away, and to become somebody else, where there is only one id', () => {
    const program = compileFilter(withRules(docker, pretendedOwners), 'x64')!;
    for (const name of ['chown', 'fchownat', 'setgroups', 'setuid', 'setresgid', 'setfsuid'])
      assert.equal(judge(program, audit.x86_64, syscallNumbers('x86_64').get(name)!), '0');
    assert.equal(judge(program, audit.x86_64, syscallNumbers('x86_64').get('chmod')!), 'allow');
  });

  it('has the same rules in the form of OCI runtimes', () => {
    const { defaultAction, defaultErrnoRet, architectures: known, syscalls } = seccompConfig(docker, 'arm64');
    assert.deepEqual(
      [defaultAction, defaultErrnoRet, known],
      ['SCMP_ACT_ERRNO', 1, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']],
    );
    const named = new Set(syscalls.flatMap(({ names }) => names));
    assert.deepEqual([...named].sort(), [...new Set(docker.map(rule => rule.name))].sort());
    assert.deepEqual(
      syscalls.find(({ names }) => names[0] === 'clone'),
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    );
  });
});
