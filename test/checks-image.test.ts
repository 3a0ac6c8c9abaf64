// What `check --build` and builds say of images that were really built.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { busyboxFile, busyboxStage } from './support/busybox.ts';
import { hostPrograms } from './support/host-programs.ts';
import { findProgram, needs } from './support/needs.ts';
import { type Files, Workspace } from './support/workspace.ts';

const work = new Workspace();
const key = `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nabc\n`;

interface Warning {
  readonly ruleName: string;
  readonly detail: string;
}

/** What the rule of this name finds in the built image. */
async function found(rule: string, files: Files): Promise<string[]> {
  const { code, stdout, stderr } = await work.stagecraft([
    'check',
    '--build',
    '--format=json',
    work.context(files),
  ]);
  assert.equal(code, 0, stdout + stderr);
  const { warnings } = JSON.parse(stdout) as { warnings: Warning[] };
  return warnings.filter(({ ruleName }) => ruleName === rule).map(({ detail }) => detail);
}

suite('the program of a built image', { skip: needs('busybox', 'skopeo', 'runc') }, () => {
  const skopeo = hostPrograms('root', ['skopeo']);
  const program = { content: readFileSync(findProgram('skopeo') ?? '/dev/null'), mode: 0o755 };

  test('copied alone into scratch it lacks its loader, and a build warns of it', async () => {
    const files = { app: program, Dockerfile: 'FROM scratch\nCOPY app /app\nENTRYPOINT ["/app"]\n' };
    const [message, ...others] = await found('ProgramCannotStart', files);
    assert.match(
      message!,
      /^ENTRYPOINT cannot be started in this image: \/app is linked dynamically, and its loader \/\S+ is not there$/,
    );
    assert.deepEqual(others, []);
    const { code, stderr } = await work.stagecraft([
      'build',
      '--progress=plain',
      '-t',
      'lacking',
      work.context(files),
    ]);
    assert.equal(code, 0);
    assert.match(
      stderr,
      /ProgramCannotStart: ENTRYPOINT cannot be started in this image: \/app is linked dynamically/,
    );
  });

  test('without one of its libraries it lacks that one, with all of them nothing', async () => {
    const path = Object.keys(skopeo).find(each => /libgpgme\.so/.test(each));
    assert.ok(path !== undefined);
    const { [path]: _, ...rest } = skopeo;
    const Dockerfile = 'FROM scratch\nCOPY root /\nCMD ["skopeo", "--version"]\n';
    const name = path.slice(path.lastIndexOf('/') + 1);
    const [message] = await found('ProgramCannotStart', { ...rest, Dockerfile });
    assert.match(
      message!,
      new RegExp(`/usr/bin/skopeo needs the library ${name.replaceAll('.', '\\.')}, not to be found$`),
    );
    assert.deepEqual(await found('ProgramCannotStart', { ...skopeo, Dockerfile }), []);
    // It is true: the image runs.
    const context = work.context({
      ...skopeo,
      Dockerfile: 'FROM scratch\nCOPY root /\nRUN ["skopeo", "--version"]\n',
    });
    assert.match((await work.build(context)).log, /^skopeo version/m);
  });

  test('a Go program with an HTTP client wants CA certificates; one without, and busybox, do not', async () => {
    const Dockerfile = 'FROM scratch\nCOPY root /\nCMD ["skopeo"]\n';
    const [message] = await found('MissingCertificates', { ...skopeo, Dockerfile });
    assert.match(message!, /^\/usr\/bin\/skopeo is a Go program with an HTTP client .* no CA certificates/);
    const certificates = { 'root/etc/ssl/certs/ca-certificates.crt': 'x' };
    assert.deepEqual(await found('MissingCertificates', { ...skopeo, ...certificates, Dockerfile }), []);
    const runc = {
      ...hostPrograms('root', ['runc']),
      Dockerfile: 'FROM scratch\nCOPY root /\nCMD ["runc"]\n',
    };
    assert.deepEqual(await found('MissingCertificates', runc), []);
    const busybox = { busybox: busyboxFile, Dockerfile: `${busyboxStage}FROM busybox\nCMD ["sh"]\n` };
    for (const rule of ['MissingCertificates', 'MissingTimeZones', 'ProgramCannotStart'])
      assert.deepEqual(await found(rule, busybox), [], rule);
  });
});

suite('the files of a built image', { skip: needs('busybox') }, () => {
  const built = (rest: string, files: Files = {}): Files => ({
    busybox: busyboxFile,
    ...files,
    Dockerfile: `${busyboxStage}FROM busybox\n${rest}`,
  });

  test('a shell form and a health check need what they name', async () => {
    const files = {
      app: busyboxFile,
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 app /app\nCMD /app sh\nHEALTHCHECK CMD ["wget", "x"]\n',
    };
    assert.deepEqual(await found('ProgramCannotStart', files), [
      'CMD cannot be started in this image: there is no /bin/sh, which the shell form needs',
      'HEALTHCHECK cannot be carried out in this image: there is no program "wget" in its PATH',
    ]);
    assert.deepEqual(
      await found('ProgramCannotStart', built('HEALTHCHECK CMD wget -q localhost || exit 1\nCMD httpd -f\n')),
      [],
    );
  });

  test('a build warns when the image is made, or starts otherwise, and then has been heard', async () => {
    const files = {
      app: busyboxFile,
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 app /app\nCMD ["/gone"]\n',
    };
    const context = work.context(files);
    const warnings = async (): Promise<string[]> => {
      const { code, stderr } = await work.stagecraft(['build', '--progress=plain', '-t', 'heard', context]);
      assert.equal(code, 0, stderr);
      return [...new Set([...stderr.matchAll(/there is no (\/\S+)/g)].map(match => match[1]!))];
    };
    assert.deepEqual(await warnings(), ['/gone']);
    assert.deepEqual(await warnings(), []);
    work.write(context, { Dockerfile: files.Dockerfile.replace('gone', 'lost') });
    assert.deepEqual(await warnings(), ['/lost']);
    work.write(context, { Dockerfile: files.Dockerfile.replace('gone', 'app') });
    assert.deepEqual(await warnings(), []);
  });

  test('a time zone needs its data', async () => {
    const files = built('ENV TZ=Europe/Berlin\nCMD ["date"]\n');
    // busybox is linked statically, so its C library has no file to look at: nothing can be told of it.
    assert.deepEqual(await found('MissingTimeZones', files), []);
  });

  test('packages for development are named with their size', async () => {
    const packages = { 'node_modules/typescript': { dev: true }, 'node_modules/express': {} };
    const files = built('WORKDIR /app\nCOPY app .\n', {
      'app/node_modules/.package-lock.json': JSON.stringify({ packages }),
      'app/node_modules/typescript/lib.js': 'x'.repeat(2_000_000),
      'app/node_modules/express/index.js': 'x',
    });
    assert.deepEqual(await found('DevDependenciesInImage', files), [
      '/app/node_modules holds 1 package for development only, 2.0 MB: typescript; install with --omit=dev, in a stage of its own where the build needs them',
    ]);
  });

  test('lists that a RUN left are found, those that it removed are not', async () => {
    const fake =
      'mkdir -p /var/lib/apt/lists && dd if=/dev/zero of=/var/lib/apt/lists/mirror bs=1000 count=100 2>/dev/null && : apt-get update';
    assert.deepEqual(await found('PackageCacheInImage', built(`RUN ${fake}\n`)), [
      '/var/lib/apt/lists holds 100 kB of package lists; remove them in the RUN that fetched them',
    ]);
    assert.deepEqual(
      await found('PackageCacheInImage', built(`RUN ${fake} && rm -r /var/lib/apt/lists\n`)),
      [],
    );
  });

  test('.git and keys are found, whether a COPY or a RUN brought them, and told once', async () => {
    const files = built(
      'COPY src /src\nRUN mkdir -p /lib/x/.git && echo ref > /lib/x/.git/HEAD && cp /src/id_rsa /etc/host_key.pem\n',
      {
        'src/.git/HEAD': 'ref: refs/heads/main\n',
        'src/id_rsa': key,
      },
    );
    const repositories = await found('GitDirectoryInImage', files);
    assert.equal(repositories.length, 2);
    assert.match(repositories[0]!, /^COPY takes src\/\.git into the image/);
    assert.match(repositories[1]!, /^\/lib\/x\/\.git is in the image/);
    const keys = await found('SecretFileInImage', files);
    assert.equal(keys.length, 2);
    assert.match(keys.join('\n'), /\/etc\/host_key\.pem is in the image and holds a private key/);
    assert.match(keys.join('\n'), /COPY takes src\/id_rsa into the image/);
    assert.ok(!JSON.stringify(keys).includes('abc'));
  });
});
