const names = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP ' +
    'TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

/** A signal of Linux by number or by name, with or without `SIG`, or a real-time one such as `RTMIN+3`. */
export function isSignal(text: string): boolean {
  if (/^[+-]?[0-9]+$/.test(text)) return Number(text) !== 0 && Math.abs(Number(text)) < 2 ** 63;
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^(?:RTMIN\+([0-9]+)|RTMAX-([0-9]+))$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[1] ?? realTime[2]);
    return offset >= 1 && offset <= (realTime[1] === undefined ? 14 : 15);
  }
  return names.has(name);
}
