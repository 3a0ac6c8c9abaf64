/** Now, as RFC 3339 with nanoseconds, the form of all times in {@link SolveStatus}. */
export function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const milliseconds = Math.floor(now);
  const rest = Math.floor((now - milliseconds) * 1e6);
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${String(rest).padStart(6, '0')}Z`;
}
