import { looking } from '../../files/read.ts';
import type { ContainerConfig } from '../../image/types.ts';
import { bytesFromText } from '../../util/bytes.ts';
import { openGoProgram } from '../image/go-program.ts';
import type { Binary } from '../image/libraries.ts';
import { commandOf, shown, variableOf } from '../image/programs.ts';
import { startedBinary } from '../image/starting.ts';
import { ownPage } from '../pages.ts';
import type { ImageSubject, Rule } from '../types.ts';
import { placeOfCommand } from './program-cannot-start.ts';

const name = 'MissingCertificates';

/** The program talks TLS to others, and the image has no certificates of authorities to know them by. */
export const missingCertificates: Rule<ImageSubject> = {
  name,
  description: 'A program that connects by TLS needs the certificates of certification authorities',
  url: ownPage(name),
  level: 'warning',
  check(subject, report) {
    const { config, tree } = subject;
    const container = config.config ?? {};
    if (config.os !== 'linux' || hasCertificates(tree, container)) return;
    const binary = startedBinary(tree, container, commandOf(container));
    const reason = binary && reasonOf(tree, binary);
    if (reason === undefined) return;
    report({
      message: `${shown(binary!.path)} ${reason}, and the image has no CA certificates; copy /etc/ssl/certs/ca-certificates.crt from a stage that has the package ca-certificates`,
      range: placeOfCommand(subject).range,
    });
  },
};

/** Where programs look for certificates: Go's crypto/x509, and OpenSSL as distributions build it. */
const files = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/usr/local/share/certs/ca-root-nss.crt',
];
const directories = [
  '/etc/ssl/certs',
  '/etc/pki/tls/certs',
  '/usr/local/share/ca-certificates',
  '/system/etc/security/cacerts',
];

function hasCertificates(tree: ImageSubject['tree'], config: ContainerConfig): boolean {
  const exists = (path: string) => looking(() => tree.lstat(tree.resolve(bytesFromText(path))));
  const own = [
    variableOf(config, 'SSL_CERT_FILE'),
    variableOf(config, 'SSL_CERT_DIR'),
    variableOf(config, 'CURL_CA_BUNDLE'),
  ];
  // Whoever sets these knows what the program needs; it may be mounted.
  if (own.some(path => path)) return true;
  if (files.some(path => exists(path) !== undefined)) return true;
  return directories.some(path => (looking(() => tree.list(tree.resolve(path))) ?? []).length > 0);
}

/** Packages that bring certificates along. */
const goEmbedded = ['golang.org/x/crypto/x509roots/fallback.', 'github.com/breml/rootcerts'];

function reasonOf(tree: ImageSubject['tree'], binary: Binary): string | undefined {
  if (binary.elf.needed.some(library => /^libcurl(?:-gnutls)?\.so\./.test(library))) return 'uses libcurl';
  const program = openGoProgram(tree, binary);
  // A mere server has all of net/http and crypto/x509 too, but for the function that clients call.
  if (!program?.hasConstant('/etc/ssl/certs/ca-certificates.crt')) return undefined;
  if (!program.hasFunction('net/http.(*Client).do\0') || !program.hasConstant('https://')) return undefined;
  if (goEmbedded.some(text => program.hasFunction(text))) return undefined;
  return 'is a Go program with an HTTP client that checks certificates';
}
