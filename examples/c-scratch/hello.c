#include <stdio.h>
#include <sys/utsname.h>

int main(void) {
  struct utsname host;
  if (uname(&host) != 0) return 1;
  printf("Hello from %s on %s, with nothing else in the image.\n", host.nodename, host.machine);
  return 0;
}
