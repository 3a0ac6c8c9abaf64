import { type Ignored, isIgnored } from '../osv/ignored.ts';
import { OsvIndex } from '../osv/index-file.ts';
import { matchVulnerabilities, type Vulnerability } from '../osv/match.ts';
import type { Level } from '../osv/severity.ts';
import { takeLease } from '../store/leases.ts';
import { openStore } from '../store/store.ts';
import { type ImageInventory, type ImageLayer, type InventoryRequest, listPackages } from './sbom.ts';

export { type Ignored, parseIgnored } from '../osv/ignored.ts';
export type { Vulnerability } from '../osv/match.ts';
export { formatSarif } from '../osv/sarif.ts';
export { type Level, levels } from '../osv/severity.ts';

export interface ScanRequest extends Omit<InventoryRequest, 'sourceDateEpoch'> {
  /** A local copy of the OSV database: a directory with records and zip archives of them, or one archive. */
  readonly database: string;
  /** Only these; all unless given. */
  readonly severities?: readonly Level[] | undefined;
  /** Leave out those without a mend. */
  readonly ignoreUnfixed?: boolean | undefined;
  readonly ignored?: readonly Ignored[];
  /** Told of archives that are read for the first time. */
  readonly onRead?: (path: string) => void;
}

/** A vulnerability, and how its package came into the image. */
export interface PlacedVulnerability extends Vulnerability {
  readonly layer?: ImageLayer;
}

export interface ScanResult {
  readonly image: Pick<ImageInventory, 'name' | 'digest' | 'platform'>;
  /** How many were looked up. */
  readonly packages: number;
  /** The worst first. */
  readonly vulnerabilities: readonly PlacedVulnerability[];
  /** How many the ignore list took away. */
  readonly ignored: number;
  /** What could not be looked at, as sentences. */
  readonly gaps: readonly string[];
}

/**
 * Looks up the packages of an image of the store in a local copy of the OSV database.
 * @throws StagecraftError `not-found` without such an image or database
 * @throws NamespaceRequired where an ordinary user must first enter a user namespace
 */
export async function scanImage(request: ScanRequest): Promise<ScanResult> {
  const { severities, ignoreUnfixed, ignored = [], signal, onRead } = request;
  const inventory = await listPackages(request);
  const store = openStore(request.store);
  const lease = takeLease(store);
  try {
    const index = await OsvIndex.open(store, request.database, { signal, onRead });
    try {
      const found = await matchVulnerabilities(inventory, index);
      const wanted = found.filter(
        ({ severity, fixed }) =>
          (severities === undefined || severities.includes(severity.level)) &&
          (!ignoreUnfixed || fixed !== undefined),
      );
      const left = wanted.filter(vulnerability => !isIgnored(vulnerability, ignored));
      const { damaged } = index;
      const { name, digest, platform, packages } = inventory;
      return {
        image: { name, digest, platform },
        packages: packages.length,
        vulnerabilities: left.map(vulnerability => place(vulnerability, inventory)),
        ignored: wanted.length - left.length,
        gaps: [
          ...inventory.gaps,
          ...(damaged ? [`${damaged} files of the OSV database are no records.`] : []),
        ],
      };
    } finally {
      index.close();
    }
  } finally {
    lease.release();
    store.close();
  }
}

function place(vulnerability: Vulnerability, { layers }: ImageInventory): PlacedVulnerability {
  const number = vulnerability.package.locations.find(({ layer }) => layer !== undefined)?.layer;
  const layer = number === undefined ? undefined : layers[number];
  return { ...vulnerability, ...(layer && { layer }) };
}
