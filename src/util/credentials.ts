/** The text with the user name and password of a URL masked, as BuildKit shows it; anything else as it is. */
export function maskCredentials(text: string): string {
  return text.replace(
    /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i,
    (_, scheme: string, user: string) => `${scheme}${user.includes(':') ? 'xxxxx:xxxxx' : 'xxxxx'}@`,
  );
}
