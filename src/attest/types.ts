import type { Descriptor } from '../image/types.ts';
import type { Digest } from '../util/digest.ts';

/** What an attestation is of, as far as it is known when it is made. */
export interface Attested {
  /** Familiar names; none for files. */
  readonly names: readonly string[];
  /** Of the image's manifest. */
  readonly digest?: Digest;
  /** The image's layers as blobs, base first. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  /** RFC 3339: the image's time. */
  readonly created?: string | undefined;
}

/** A statement to make of a result: an in-toto predicate. */
export interface Attestation {
  readonly predicateType: string;
  /** Where the output is files, the name of that with the statement. */
  readonly fileName: string;
  /** Only where the output is an image that can hold it; it does not make an index of an archive's image either. */
  readonly inlineOnly: boolean;
  predicate(attested: Attested): Promise<object>;
}

/** in-toto Attestation Framework, spec/v1/statement.md. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly predicateType: string;
  readonly subject: readonly Subject[];
  readonly predicate: object;
}

export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

export async function statementOf(
  attestation: Attestation,
  subject: readonly Subject[],
  attested: Attested,
): Promise<Statement> {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: attestation.predicateType,
    subject,
    predicate: await attestation.predicate(attested),
  };
}
