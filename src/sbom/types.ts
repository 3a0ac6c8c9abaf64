import type { FileTree } from '../snapshot/types.ts';
import type { ByteString } from '../util/bytes.ts';

/** The types of package URLs that are found: what kind of package it is, and who publishes it. */
export type PackageType = 'deb' | 'apk' | 'rpm' | 'npm' | 'pypi' | 'golang' | 'cargo' | 'maven';

/** Where an image tells of a package. */
export interface Location {
  /** Absolute in the image, as text; the names of archives within archives follow after `!`. */
  readonly path: string;
  /** Which layer brought it, counted from the base; absent where that is not known. */
  readonly layer?: number;
}

/** A package that is in an image. */
export interface Package {
  readonly type: PackageType;
  /** As its package manager has it: `@scope/name`, a Go module's path, `group:artifact`. */
  readonly name: string;
  /** As its package manager has it; empty where the image does not say. */
  readonly version: string;
  /** Package URL: purl-spec, PURL-SPECIFICATION.rst. */
  readonly purl: string;
  /** What a distribution's package was built from. */
  readonly source?: { readonly name: string; readonly version: string };
  /** As the package says: SPDX expressions, or names of any kind. All of them hold. */
  readonly licenses: readonly string[];
  /** At least one, in byte order. */
  readonly locations: readonly Location[];
}

/** What one reader finds of a package. */
export interface Found extends Omit<Package, 'purl' | 'locations'> {
  /** Nothing for what cannot be a package of its kind, which is then none. */
  readonly purl: string | undefined;
  /** What tells of it: a record of its package manager, or the program that it is in. */
  readonly place: ByteString;
  /** Of packages whose records share a file: one that came with it, to know the layer by. */
  readonly came?: ByteString | undefined;
  /** Within the archive at the place: `!` and a name. */
  readonly within?: string;
}

/** The distribution that an image is of, by os-release(5). */
export interface Distribution {
  readonly id: string;
  readonly version: string;
  readonly name: string;
}

/** An image to look into. */
export interface Subject {
  readonly tree: FileTree;
  /** The layer that a path of the tree is in, counted from the base. */
  layerOf?(path: ByteString): number | undefined;
}

/** All that is in an image. */
export interface Inventory {
  readonly distribution?: Distribution;
  /** By package URL, in byte order. */
  readonly packages: readonly Package[];
  /** What could not be looked at, as sentences. */
  readonly gaps: readonly string[];
}
