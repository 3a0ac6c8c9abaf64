import { type DocumentOptions, imagePurl, layerOfLocation, uuidOf } from './document.ts';
import { allOf, isExpression } from './licenses.ts';
import type { Inventory, Package } from './types.ts';

/** A bill of materials in the JSON form of CycloneDX 1.6. */
export function toCycloneDx(inventory: Inventory, options: DocumentOptions): object {
  const { distribution, packages, gaps } = inventory;
  const image = imageComponent(options);
  const system = distribution && {
    type: 'operating-system',
    'bom-ref': `os:${distribution.id}@${distribution.version}`,
    name: distribution.id,
    ...(distribution.version && { version: distribution.version }),
    description: distribution.name,
  };
  const components = [...(system ? [system] : []), ...packages.map(each => toComponent(each, options))];
  const document = {
    version: 1,
    metadata: {
      timestamp: options.created,
      tools: { components: [{ type: 'application', name: 'stagecraft', version: options.version }] },
      component: image,
      ...(gaps.length > 0 && { properties: gaps.map(value => ({ name: 'stagecraft:gap', value })) }),
    },
    components,
    dependencies: [{ ref: image['bom-ref'], dependsOn: components.map(each => each['bom-ref']) }],
  };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(document)}`,
    ...document,
  };
}

function imageComponent(options: DocumentOptions) {
  const purl = imagePurl(options);
  const { digest } = options;
  return {
    type: 'container',
    'bom-ref': purl ?? `image:${options.name}`,
    name: options.name,
    ...(digest && {
      version: digest,
      hashes: [{ alg: 'SHA-256', content: digest.slice('sha256:'.length) }],
    }),
    ...(purl && { purl }),
  };
}

function toComponent(each: Package, options: DocumentOptions) {
  const { group, name } = splitName(each);
  return {
    type: 'library',
    'bom-ref': each.purl,
    ...(group && { group }),
    name,
    ...(each.version && { version: each.version }),
    ...(each.licenses.length > 0 && { licenses: licensesOf(each.licenses) }),
    purl: each.purl,
    properties: [
      ...(each.source
        ? [{ name: 'stagecraft:source', value: `${each.source.name} ${each.source.version}`.trim() }]
        : []),
      ...each.locations.flatMap((location, i) => {
        const layer = layerOfLocation(location, options);
        return [
          { name: `stagecraft:location:${i}:path`, value: location.path },
          ...(layer === undefined ? [] : [{ name: `stagecraft:location:${i}:layer`, value: layer }]),
        ];
      }),
    ],
  };
}

function splitName({ type, name }: Package): { group?: string; name: string } {
  const at =
    type === 'npm' && name.startsWith('@') ? name.indexOf('/') : type === 'maven' ? name.indexOf(':') : -1;
  return at < 0 ? { name } : { group: name.slice(0, at), name: name.slice(at + 1) };
}

/** Either one expression, or a list of names. */
function licensesOf(licenses: readonly string[]): object[] {
  if (licenses.every(isExpression)) return [{ expression: allOf(licenses) }];
  return licenses.map(name => ({ license: { name } }));
}
