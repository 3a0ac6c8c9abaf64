declare module 'bcrypt-pbkdf' {
  const bcrypt: {
    /** Fills `key`; 0 if it could. */
    pbkdf(
      passphrase: Uint8Array,
      passphraseLength: number,
      salt: Uint8Array,
      saltLength: number,
      key: Uint8Array,
      keyLength: number,
      rounds: number,
    ): number;
  };
  export default bcrypt;
}
