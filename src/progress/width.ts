import measureWidth from 'fast-string-truncated-width';

const onlyAscii = /^[\u0020-\u007e]*$/;

/** Cells that a text takes on a terminal: two for wide characters, none for combining ones. */
export function textWidth(text: string): number {
  return onlyAscii.test(text) ? text.length : measureWidth(text).width;
}

/** The text cut to at most this many cells, with an ellipsis where something was cut. */
export function fitText(text: string, width: number): string {
  if (width <= 0) return '';
  if (onlyAscii.test(text)) return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
  const { index, ellipsed } = measureWidth(text, { limit: width, ellipsis: '…' });
  return ellipsed ? `${text.slice(0, index)}…` : text.slice(0, index);
}
