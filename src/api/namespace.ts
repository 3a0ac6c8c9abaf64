/** Thrown where work needs a user namespace that this process has not entered; nothing was done yet. */
export class NamespaceRequired extends Error {
  constructor() {
    super('This needs a user namespace; see enterNamespace.');
    this.name = 'NamespaceRequired';
  }
}

/** @throws NamespaceRequired for an ordinary user outside of a user namespace */
export function requireNamespace(): void {
  if (process.getuid?.() !== 0) throw new NamespaceRequired();
}
