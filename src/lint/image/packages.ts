import { apkRecords, dpkgRecords } from '../../sbom/records.ts';
import type { FileTree } from '../../snapshot/types.ts';

/** A package that an image's package manager knows as installed. */
export interface Package {
  readonly name: string;
  /** Bytes that it takes, as it says itself. */
  readonly bytes: number;
}

/** Packages by the records of dpkg (also in distroless' form) and apk. Empty for an image without either. */
export function installedPackages(tree: FileTree): Package[] {
  // dpkg counts in KiB, apk in bytes.
  const dpkg = dpkgRecords(tree).map(({ field }) => ({
    name: field('package')!,
    bytes: Number(field('installed-size') ?? 0) * 1024 || 0,
  }));
  const apk = apkRecords(tree).map(({ field }) => ({
    name: field('P')!,
    bytes: Number(field('I') ?? 0) || 0,
  }));
  return [...dpkg, ...apk];
}
