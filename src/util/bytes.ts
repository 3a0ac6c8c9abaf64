/**
 * Linux file names are bytes, not text. Inside file trees, tars and snapshots a path is therefore a *byte string*:
 * a string in which each character is one byte (latin1). It sorts as its bytes sort, compares fast, and loses nothing
 * of a name that is not UTF-8. For plain ASCII it is the ordinary string.
 */
export type ByteString = string;

const nonAscii = /[\u0080-\uffff]/;

/** Text (as in a Dockerfile or a command line) to the byte string of its UTF-8 form. */
export function bytesFromText(text: string): ByteString {
  return nonAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** A byte string to text for people; bytes that are not UTF-8 become U+FFFD. */
export function textFromBytes(bytes: ByteString): string {
  return nonAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** The form in which `node:fs` takes a byte string path without altering it. */
export function fsPath(bytes: ByteString): string | Buffer {
  return nonAscii.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes;
}
