import { planAndCheck } from '../../src/api/checked-plan.ts';
import { requestOf } from '../../src/frontend/testing.ts';
import { digestOf } from '../../src/util/digest.ts';
import { StagecraftError } from '../../src/util/errors.ts';

/** What an input must not do, and what it did. */
export interface Finding {
  readonly kind: 'crash' | 'no place' | 'hang' | 'memory' | 'death';
  readonly detail: string;
}

/** Parses, plans and checks a Dockerfile. Every image that it names exists, and has triggers of its own. */
export async function tryInput(input: Uint8Array): Promise<Finding | undefined> {
  const request = requestOf(input, {
    resolveImage: async (ref, platform) => ({
      name: ref,
      digest: digestOf(ref),
      config: {
        ...platform,
        config: { Env: ['PATH=/bin', 'LANG=C'], User: 'app', OnBuild: ['RUN trigger $A', 'COPY a b'] },
        rootfs: { type: 'layers', diff_ids: [digestOf(ref)] },
      },
    }),
  });
  try {
    const { error } = await planAndCheck(request, () => undefined, 'advice');
    return error === undefined ? undefined : judge(error);
  } catch (error) {
    return judge(error);
  }
}

/** An error is as it should be if it is one of ours and says where it is, by a place in the text. */
function judge(error: unknown): Finding | undefined {
  if (!(error instanceof StagecraftError))
    return { kind: 'crash', detail: error instanceof Error ? String(error.stack) : String(error) };
  const { line = 0, column = 0 } = error.range?.start ?? {};
  return line >= 1 && column >= 1 ? undefined : { kind: 'no place', detail: error.message };
}
