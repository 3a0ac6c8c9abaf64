import { readFileSync } from 'node:fs';
import { findProgram } from './needs.ts';

/** One statically linked file with a shell and the usual tools: Debian's busybox-static. */
export const busybox = findProgram('busybox');

export const busyboxFile = busybox === undefined ? Buffer.alloc(0) : readFileSync(busybox);

/** A first stage to build on, where there is no registry to take a base image from. Its context is {@link withBusybox}. */
export const busyboxStage = `FROM scratch AS busybox
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;

/** A Dockerfile that begins with the stage `busybox`, and the file that stage takes. */
export function withBusybox(dockerfile: string): { Dockerfile: string; busybox: Uint8Array } {
  return { Dockerfile: busyboxStage + dockerfile, busybox: busyboxFile };
}
