export { dumpDefinition, encodeDefinition } from '../llb/index.ts';
export { plan } from './build.ts';
