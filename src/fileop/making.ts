import { unsetTimeNs } from '../snapshot/times.ts';
import type { LayerId, Metadata } from '../snapshot/types.ts';
import type { DigestTable } from '../source/digest-table.ts';
import type { Pace } from '../util/pace.ts';

/** A layer that the last run of the operation made, to take unchanged files from. */
export interface PreviousLayer {
  readonly id: LayerId;
  readonly dir: string;
  readonly table: DigestTable;
}

/** What the actions of one operation have in common while it runs. */
export interface Making {
  readonly pace: Pace;
  readonly previous: readonly PreviousLayer[];
  /** Whether files of other layers may be given names in the new one. */
  readonly mayShare: boolean;
  /** Whether a layer made files that some input to copy from has. */
  readonly isSourceMaker: (layer: LayerId) => boolean;
  /** The owner that the action asks for; as in the source, or root, if absent. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Called when a file of the context was changed while it was copied. */
  readonly onChange: () => void;
}

/** The time an action asks for; nothing if it asks for none. */
export function timeOf(action: { readonly timestamp: bigint }): bigint | undefined {
  return action.timestamp === -1n ? undefined : action.timestamp;
}

/** For directories that must be made on the way: Docker gives them the mode and owner that the copy asks for. */
export function directoryMetadata(
  action: { readonly mode: number; readonly modeText?: string; readonly timestamp: bigint },
  making: Making,
): Metadata {
  const isGiven = action.mode !== -1 && !action.modeText;
  return {
    mode: isGiven ? action.mode & 0o777 : 0o755,
    uid: making.owner?.uid ?? 0,
    gid: making.owner?.gid ?? 0,
    mtimeNs: timeOf(action) ?? unsetTimeNs,
  };
}
