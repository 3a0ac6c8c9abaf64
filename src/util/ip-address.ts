/**
 * The version of an IP address written as text, without brackets or zone; nothing if it is none. `node:net` has the
 * same, but brings sockets and streams along, which a build with nothing to do should not have to load.
 */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    return text.split('.').every(part => Number(part) < 256 && (part === '0' || !part.startsWith('0')))
      ? 4
      : undefined;
  }
  return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`) ? 6 : undefined;
}
