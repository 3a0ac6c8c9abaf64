export { build, plan } from './api/build.ts';
export { type CallResult, outline, targets } from './api/calls.ts';
export { type Checker, checkBuild, openChecker } from './api/checks.ts';
export { type Fixed, fixDockerfile } from './api/fixes.ts';
export { type LoginOptions, login, logout } from './api/login.ts';
export { NamespaceRequired } from './api/namespace.ts';
export type { BuildRequest, BuildResult, SecretSource, SshSource } from './api/request.ts';
export {
  billOfMaterials,
  type ImageInventory,
  type InventoryRequest,
  listPackages,
} from './api/sbom.ts';
export { type PlacedVulnerability, type ScanRequest, type ScanResult, scanImage } from './api/scan.ts';
export {
  copyImage,
  type PullOptions,
  pullImage,
  pushImage,
  type TransferOptions,
  type Transferred,
} from './api/transfer.ts';
export { parseOutput } from './exporter/outputs.ts';
export type { Output } from './exporter/types.ts';
export { lintResults } from './lint/formats/buildkit.ts';
export { sarifLog } from './lint/formats/sarif.ts';
export type { CheckReport } from './lint/report.ts';
export type { Finding, Fix } from './lint/types.ts';
export type { ProgressSink, SolveStatus } from './progress/types.ts';
export { type ErrorCode, type SourceRange, StagecraftError } from './util/errors.ts';
