import { fchownSync, fstatSync, readFileSync } from 'node:fs';
import {
  clearAmbientCapabilities,
  dieWithParent,
  dropFromBoundingSet,
  installFilter,
  keepCapabilities,
  raiseAmbientCapabilities,
  setResourceLimit,
} from '../../syscall/process.ts';
import { type Capability, capabilityBit, lastCapabilityBit } from '../capabilities.ts';
import { filterAnnotation } from '../filter-annotation.ts';
import type { RuntimeConfig } from '../oci.ts';

/** Gives this process the limits, the user and the rights of the configuration; only execve is left to do then. */
export function assumeIdentity({ process: wanted, annotations }: RuntimeConfig): void {
  const { uid, gid, additionalGids, umask } = wanted.user;
  for (const { type, soft, hard } of wanted.rlimits)
    setResourceLimit(type.replace('RLIMIT_', ''), soft, hard);
  // The streams are opened again as /dev/stdout by programs of that user.
  if (uid !== 0) for (const fd of [0, 1, 2]) if (fstatSync(fd).isFIFO()) fchownSync(fd, uid, gid);
  process.umask(umask ?? 0o022);
  const filter = annotations?.[filterAnnotation];
  // The filter comes first because it takes a right that is given up next; it lets through all that follows.
  if (filter !== undefined) installFilter(Buffer.from(filter, 'base64'));
  clearAmbientCapabilities();
  const bits = (names: readonly string[]) => names.map(each => capabilityBit(each as Capability));
  const kept = new Set(bits(wanted.capabilities.bounding));
  for (let bit = 0; bit <= lastCapabilityBit; bit++) if (!kept.has(bit) && !dropFromBoundingSet(bit)) break;
  if (readFileSync('/proc/self/setgroups', 'latin1').trim() !== 'deny') process.setgroups!(additionalGids);
  const ambient = bits(wanted.capabilities.ambient);
  if (ambient.length > 0) keepCapabilities();
  process.setgid!(gid);
  process.setuid!(uid);
  if (ambient.length > 0) raiseAmbientCapabilities(ambient);
  dieWithParent();
}
