import { digestHex, digestOf } from '../util/digest.ts';
import { type DocumentOptions, imagePurl, layerOfLocation, uuidOf } from './document.ts';
import { toLicensing } from './licenses.ts';
import type { Inventory, Package } from './types.ts';

const noAssertion = 'NOASSERTION';

/** A bill of materials in the JSON form of SPDX 2.3. */
export function toSpdx(inventory: Inventory, options: DocumentOptions): object {
  const { distribution, packages, gaps } = inventory;
  const licensings = packages.map(each => toLicensing(each.licenses));
  const references = new Map(licensings.flatMap(({ references }) => [...references]));
  const image = imagePackage(options);
  const system = distribution && {
    SPDXID: 'SPDXRef-OperatingSystem',
    name: distribution.id,
    ...(distribution.version && { versionInfo: distribution.version }),
    downloadLocation: noAssertion,
    filesAnalyzed: false,
    primaryPackagePurpose: 'OPERATING_SYSTEM',
    summary: distribution.name,
  };
  const all = [
    image,
    ...(system ? [system] : []),
    ...packages.map((each, i) => toPackage(each, licensings[i]!.expression, options)),
  ];
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: options.name,
    creationInfo: {
      created: options.created,
      creators: [`Tool: stagecraft-${options.version}`],
      ...(gaps.length > 0 && { comment: gaps.join('\n') }),
    },
    packages: all,
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', image.SPDXID),
      ...all.slice(1).map(({ SPDXID }) => relation(image.SPDXID, 'CONTAINS', SPDXID)),
    ],
    ...(references.size > 0 && {
      hasExtractedLicensingInfos: [...references]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([licenseId, name]) => ({ licenseId, name, extractedText: name })),
    }),
  };
  // Its content names it: section 6.5 wants an address of its own for each version of a document.
  return { ...document, documentNamespace: `urn:uuid:${uuidOf(document)}` };
}

function imagePackage(options: DocumentOptions) {
  const purl = imagePurl(options);
  return {
    SPDXID: 'SPDXRef-Image',
    name: options.name,
    ...(options.digest && {
      versionInfo: options.digest,
      checksums: [{ algorithm: 'SHA256', checksumValue: options.digest.slice('sha256:'.length) }],
    }),
    downloadLocation: noAssertion,
    filesAnalyzed: false,
    primaryPackagePurpose: 'CONTAINER',
    ...(purl && { externalRefs: [purlReference(purl)] }),
  };
}

function toPackage(each: Package, license: string | undefined, options: DocumentOptions) {
  return {
    SPDXID: `SPDXRef-Package-${each.type}-${each.name.replaceAll(/[^A-Za-z0-9.-]+/g, '-')}-${digestHex(digestOf(each.purl)).slice(0, 16)}`,
    name: each.name,
    ...(each.version && { versionInfo: each.version }),
    downloadLocation: noAssertion,
    filesAnalyzed: false,
    sourceInfo: each.locations
      .map(location => {
        const layer = layerOfLocation(location, options);
        return `told of by ${location.path}${layer === undefined ? '' : `, which came with the layer ${layer}`}`;
      })
      .join('\n'),
    licenseConcluded: noAssertion,
    licenseDeclared: license ?? noAssertion,
    copyrightText: noAssertion,
    ...(each.source && {
      comment: `built from the source package ${each.source.name} ${each.source.version}`.trim(),
    }),
    externalRefs: [purlReference(each.purl)],
  };
}

function purlReference(purl: string) {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl };
}

function relation(from: string, relationshipType: string, to: string) {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to };
}
