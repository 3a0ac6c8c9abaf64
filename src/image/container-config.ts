import type { ContainerConfig, HistoryEntry } from './types.ts';

type Check = (value: unknown) => boolean;

const isText: Check = value => typeof value === 'string';
const isFlag: Check = value => typeof value === 'boolean';
const isNumber: Check = value => typeof value === 'number';
const isTexts: Check = value => Array.isArray(value) && value.every(isText);
const isObject: Check = value => typeof value === 'object' && value !== null && !Array.isArray(value);
const isLabels: Check = value => isObject(value) && Object.values(value as object).every(isText);
const isHealthcheck: Check = value =>
  isObject(value) && wrongField(value as object, healthcheck) === undefined;

const healthcheck: Readonly<Record<string, Check>> = {
  Test: isTexts,
  Interval: isNumber,
  Timeout: isNumber,
  StartPeriod: isNumber,
  StartInterval: isNumber,
  Retries: isNumber,
};

const container: Readonly<Record<keyof ContainerConfig, Check>> = {
  User: isText,
  ExposedPorts: isObject,
  Env: isTexts,
  Entrypoint: isTexts,
  Cmd: isTexts,
  Volumes: isObject,
  WorkingDir: isText,
  Labels: isLabels,
  StopSignal: isText,
  Healthcheck: isHealthcheck,
  Shell: isTexts,
  OnBuild: isTexts,
  ArgsEscaped: isFlag,
};

const image: Readonly<Record<string, Check>> = {
  created: isText,
  author: isText,
  os: isText,
  architecture: isText,
  variant: isText,
  'os.version': isText,
  'os.features': isTexts,
  config: value => isObject(value) && wrongField(value as object, container) === undefined,
  history: value => Array.isArray(value) && value.every(isHistoryEntry),
};

const historyEntry: Readonly<Record<keyof HistoryEntry, Check>> = {
  created: isText,
  created_by: isText,
  author: isText,
  comment: isText,
  empty_layer: isFlag,
};

function isHistoryEntry(value: unknown): boolean {
  return value === null || (isObject(value) && wrongField(value as object, historyEntry) === undefined);
}

/**
 * The first field of an image config that is of another kind than the OCI image specification says (config.md), by its
 * path; nothing where all are what they should be. Go's `null` stands for what is absent.
 */
export function findWrongField(config: object): string | undefined {
  const wrong = wrongField(config, image);
  const inner = wrong === 'config' && (config as { config: unknown }).config;
  return isObject(inner) ? `config.${wrongField(inner as object, container)}` : wrong;
}

function wrongField(object: object, checks: Readonly<Record<string, Check>>): string | undefined {
  return Object.entries(object).find(
    ([name, value]) => value !== null && Object.hasOwn(checks, name) && !checks[name]!(value),
  )?.[0];
}

/** Without the fields that are `null`. */
export function withoutNulls<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null)) as T;
}
