import { buildah, type Topic } from '../case.ts';

export const ports: Topic = {
  name: 'EXPOSE, VOLUME and STOPSIGNAL',
  cases: [
    {
      name: 'all that the configuration holds',
      dockerfile: `FROM busybox
MAINTAINER someone@example.org
LABEL a=1 b=2
LABEL a=3
EXPOSE 80 443/tcp 53/udp 8000-8002
VOLUME /data /more
VOLUME ["/json"]
USER 1000:1000
WORKDIR /work
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=3s --start-period=1m --retries=4 CMD wget -q localhost || exit 1
ENTRYPOINT ["/entry", "with space"]
CMD ["one", "two"]
ONBUILD RUN echo later
ONBUILD COPY . /later
`,
      without: { buildah: buildah.workdirs },
    },
    {
      name: 'ports by number, protocol and range, and more than once',
      dockerfile: 'FROM busybox\nEXPOSE 80\nEXPOSE 80/tcp 80/udp 9000-9003/udp\nEXPOSE 22/sctp 80\n',
      without: { buildah: 'Buildah keeps a range as it is' },
    },
    {
      name: 'ports by variables',
      dockerfile: 'FROM busybox\nARG PORT=8080\nENV MORE="1 2"\nEXPOSE $PORT ${PORT}/udp ${OTHER:-7}\n',
    },
    {
      name: 'volumes in words and in JSON',
      dockerfile: 'FROM busybox\nVOLUME /a /b/c\nVOLUME ["/with space", "/d"]\nVOLUME /a\n',
    },
    {
      name: 'signals by name and number',
      dockerfile: 'FROM busybox AS one\nSTOPSIGNAL 9\nFROM one\nSTOPSIGNAL SIGUSR1\n',
    },
    { name: 'a signal by number', dockerfile: 'FROM busybox\nSTOPSIGNAL 15\n' },
    {
      name: 'a signal that does not exist',
      dockerfile: 'FROM busybox\nSTOPSIGNAL SIGBANANA\n',
      refused: /SIGBANANA/,
    },
    {
      name: 'a port that is no number',
      dockerfile: 'FROM busybox\nEXPOSE banana\n',
      refused: /banana/,
      without: { buildah: 'Buildah takes any word' },
    },
    {
      name: 'a port that is too large',
      dockerfile: 'FROM busybox\nEXPOSE 70000\n',
      refused: /70000/,
      without: { buildah: 'Buildah takes any number' },
    },
    { name: 'no port at all', dockerfile: 'FROM busybox\nEXPOSE\n', refused: /EXPOSE/ },
    { name: 'no volume at all', dockerfile: 'FROM busybox\nVOLUME\n', refused: /VOLUME/ },
    {
      name: 'an empty volume',
      dockerfile: 'FROM busybox\nVOLUME [""]\n',
      refused: /VOLUME/,
    },
  ],
};
