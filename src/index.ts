export { build, plan } from './api/build.ts';
export { NamespaceRequired } from './api/namespace.ts';
export type { BuildRequest, BuildResult, SecretSource, SshSource } from './api/request.ts';
export { type Output, parseOutput } from './exporter/outputs.ts';
export type { ProgressSink, SolveStatus } from './progress/types.ts';
export { type ErrorCode, type SourceRange, StagecraftError } from './util/errors.ts';
