import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { bytesFromText } from '../util/bytes.ts';
import { addressOf, cPath, errnoError, libc } from './libc.ts';

const cSethostname = libc('int sethostname(const uint8_t *name, uint64_t length)');
const cSetrlimit = libc('int setrlimit(int resource, const uint64_t *limits)');
const cPrctl = libc('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)');
const cCapset = libc('int capset(const uint8_t *header, const uint8_t *data)');
const cSeccomp = libc(
  'int64_t syscall(int64_t number, uint64_t operation, uint64_t flags, const uint8_t *program)',
);
const cCloseRange = libc('int64_t syscall(int64_t number, uint64_t first, uint64_t last, uint64_t flags)');
const cSignal = libc('int64_t signal(int number, int64_t handler)');
const cSigprocmask = libc('int sigprocmask(int how, const uint8_t *set, int64_t old)');
const cExecve = libc('int execve(const uint8_t *path, const char **arguments, const char **environment)');
const cFcntl = libc('int fcntl(int fd, int command, int64_t argument)');
const cSocket = libc('int socket(int domain, int type, int protocol)');
const cSetsid = libc('int setsid()');
const cIoctl = libc('int ioctl(int fd, uint64_t request, uint8_t *argument)');

/** Sets the host name of the UTS namespace. */
export function setHostname(name: string): void {
  const bytes = Buffer.from(name);
  if (cSethostname(bytes, bytes.length) !== 0) throw errnoError('sethostname');
}

/** Resource numbers of asm-generic/resource.h, by the names that `ulimit` options have. */
const resources = [
  ...[
    'CPU',
    'FSIZE',
    'DATA',
    'STACK',
    'CORE',
    'RSS',
    'NPROC',
    'NOFILE',
    'MEMLOCK',
    'AS',
    'LOCKS',
    'SIGPENDING',
  ],
  ...['MSGQUEUE', 'NICE', 'RTPRIO', 'RTTIME'],
];

/** setrlimit(2). A limit of 2^63 and more is none at all. */
export function setResourceLimit(name: string, soft: number, hard: number): void {
  const resource = resources.indexOf(name);
  if (resource < 0) throw new RangeError(`There is no resource limit ${name}.`);
  const value = (limit: number): bigint => (limit >= 2 ** 63 || limit < 0 ? 2n ** 64n - 1n : BigInt(limit));
  if (cSetrlimit(resource, new BigUint64Array([value(soft), value(hard)])) !== 0)
    throw errnoError('setrlimit');
}

const PR_SET_PDEATHSIG = 1;
const PR_CAPBSET_DROP = 24;
const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/** Has the kernel kill this process when its parent dies. A change of user ends the agreement. */
export function dieWithParent(): void {
  if (cPrctl(PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0) !== 0) throw errnoError('prctl');
}

/** Takes a capability, by its bit, from what this process can ever get again. False if there is no such bit. */
export function dropFromBoundingSet(bit: number): boolean {
  return cPrctl(PR_CAPBSET_DROP, bit, 0, 0, 0) === 0;
}

/** Empties the set of capabilities that programs without set-id bits would keep. */
export function clearAmbientCapabilities(): void {
  if (cPrctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) !== 0) throw errnoError('prctl');
}

/** Lets the calling thread keep its permitted capabilities when it becomes another user than root. */
export function keepCapabilities(): void {
  if (cPrctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) !== 0) throw errnoError('prctl');
}

const capabilityVersion = 0x20080522;

/** Makes these capabilities, by their bits, all that the calling thread has, and hands them on to what it executes. */
export function raiseAmbientCapabilities(bits: readonly number[]): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(capabilityVersion);
  const words = new Uint32Array(6);
  for (const bit of bits) {
    const low = 3 * (bit >> 5);
    // Effective, permitted and inheritable; the higher half of all three follows the lower one.
    for (let set = 0; set < 3; set++) words[low + set]! |= 1 << (bit & 31);
  }
  if (cCapset(header, Buffer.from(words.buffer)) !== 0) throw errnoError('capset');
  for (const bit of bits)
    if (cPrctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) !== 0) throw errnoError('prctl');
}

const SYS_seccomp: Partial<Record<NodeJS.Architecture, number>> = { x64: 317, arm64: 277 };
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;

/** Puts a filter program on the calling thread. Takes CAP_SYS_ADMIN in the user namespace. */
export function installFilter(program: Buffer): void {
  const number = SYS_seccomp[process.arch];
  if (number === undefined) throw new Error(`seccomp has no known number on ${process.arch}.`);
  // struct sock_fprog: the number of instructions, padding, the address of the first one.
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length / 8, 0);
  header.writeBigUInt64LE(addressOf(program), 8);
  if (cSeccomp(number, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, header) !== 0)
    throw errnoError('seccomp');
}

const SYS_close_range = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const F_SETFD = 2;
const SIG_SETMASK = 2;
const SIGNALS = 64;

/**
 * Becomes another program, with the standard streams as only descriptors and signals as a fresh process has them
 * (Node.js ignores SIGPIPE and marks its standard streams close-on-exec). Returns only by throwing what execve(2) said.
 */
export function becomeProgram(path: string, argv: readonly string[], env: readonly string[]): never {
  if (cCloseRange(SYS_close_range, 3, 0xffffffff, CLOSE_RANGE_CLOEXEC) !== 0) throw errnoError('close_range');
  for (const fd of [0, 1, 2]) cFcntl(fd, F_SETFD, 0);
  for (let signal = 1; signal <= SIGNALS; signal++) cSignal(signal, 0);
  cSigprocmask(SIG_SETMASK, Buffer.alloc(128), 0);
  cExecve(cPath(bytesFromText(path)), [...argv, null], [...env, null]);
  throw errnoError('execve', path);
}

/** Starts a session of its own with the terminal on standard input as controlling terminal. */
export function takeTerminal(): void {
  const TIOCSCTTY = 0x540e;
  if (cSetsid() < 0) throw errnoError('setsid');
  if (cIoctl(0, TIOCSCTTY, Buffer.alloc(1)) !== 0) throw errnoError('ioctl');
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

/** Switches the loopback interface of the network namespace on: netdevice(7). */
export function raiseLoopback(): void {
  const socket = cSocket(AF_INET, SOCK_DGRAM, 0);
  if (socket < 0) throw errnoError('socket');
  // struct ifreq: the name in 16 bytes, then the flags.
  const request = Buffer.alloc(40);
  request.write('lo', 0, 'latin1');
  if (cIoctl(socket, SIOCGIFFLAGS, request) !== 0) throw errnoError('ioctl', 'lo');
  request.writeUInt16LE(request.readUInt16LE(16) | IFF_UP, 16);
  if (cIoctl(socket, SIOCSIFFLAGS, request) !== 0) throw errnoError('ioctl', 'lo');
  closeSync(socket);
}
