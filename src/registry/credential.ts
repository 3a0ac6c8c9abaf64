/** Who a client is to a registry. */
export type Credential =
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, of which the token server makes others. */
  | { readonly type: 'identity'; readonly token: string }
  /** A token for the registry itself. */
  | { readonly type: 'bearer'; readonly token: string };

/** Finds the credential for a repository of a registry; nothing for one that is unknown. */
export type FindCredential = (registry: string, repository: string) => Promise<Credential | undefined>;
