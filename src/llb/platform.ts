import type { OpPlatform, PlatformMessage } from './ops.ts';

export function platformToMessage(platform: OpPlatform): PlatformMessage {
  return {
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant ?? '',
    osVersion: platform['os.version'] ?? '',
    osFeatures: [...(platform['os.features'] ?? [])],
  };
}

export function platformFromMessage(message: PlatformMessage): OpPlatform {
  return {
    os: message.os,
    architecture: message.architecture,
    ...(message.variant && { variant: message.variant }),
    ...(message.osVersion && { 'os.version': message.osVersion }),
    ...(message.osFeatures.length > 0 && { 'os.features': message.osFeatures }),
  };
}
