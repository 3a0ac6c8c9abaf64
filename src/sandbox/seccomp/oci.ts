import type { RuntimeSeccomp } from '../oci.ts';
import { type ArgumentTest, EPERM, type Rule } from './profile.ts';

const architectures: Partial<Record<NodeJS.Architecture, string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/** A profile as an OCI runtime takes it, for this machine. */
export function seccompConfig(profile: readonly Rule[], machine = process.arch): RuntimeSeccomp {
  const always = profile.filter(rule => rule.action === 'allow' && rule.when === undefined);
  const tested = profile.flatMap(rule =>
    rule.action === 'allow' && rule.when !== undefined
      ? rule.when.map(test => ({ names: [rule.name], action: 'SCMP_ACT_ALLOW', args: [argument(test)] }))
      : [],
  );
  const failing = profile.flatMap(rule =>
    rule.action === 'fail' ? [{ names: [rule.name], action: 'SCMP_ACT_ERRNO', errnoRet: rule.errno }] : [],
  );
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: architectures[machine] ?? [],
    syscalls: [{ names: always.map(rule => rule.name), action: 'SCMP_ACT_ALLOW' }, ...tested, ...failing],
  };
}

function argument(test: ArgumentTest): { index: number; value: number; valueTwo?: number; op: string } {
  const { index } = test;
  switch (test.op) {
    case 'equal':
      return { index, value: test.value, op: 'SCMP_CMP_EQ' };
    case 'less':
      return { index, value: test.value, op: 'SCMP_CMP_LT' };
    case 'greater':
      return { index, value: test.value, op: 'SCMP_CMP_GT' };
    case 'clear':
      return { index, value: test.mask, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
  }
}
