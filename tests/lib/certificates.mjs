// SPDX-License-Identifier: MIT
// Certificates, which the openssl command makes for each test.

import { execFileSync } from 'node:child_process';
import { makeFolder } from './files.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const newKey = (file) => [
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-keyout',
  file,
];

// An authority: {file: its certificate, issue(altName, options): makes a certificate}.
export function makeAuthority(t, name) {
  const files = makeFolder(t, { index: '', serial: '01' });
  const key = files.path('ca.key');
  const file = files.path('ca.pem');
  openssl('req', '-x509', ...newKey(key), '-out', file, '-days', '2', '-subj', `/CN=${name}`);
  let issued = 0;
  return {
    file,
    // altName: "DNS:..." or "IP:...". from, to: days from now; both may be past. Returns
    // {certificate, key}, the names of two files.
    issue(altName, { fromDays = -1, toDays = 1 } = {}) {
      const stem = `leaf${issued++}`;
      const request = files.path(`${stem}.csr`);
      const leaf = { certificate: files.path(`${stem}.pem`), key: files.path(`${stem}.key`) };
      openssl('req', ...newKey(leaf.key), '-out', request, '-subj', '/CN=test');
      const config = files.write(`${stem}.conf`, authorityConfig(files, altName));
      openssl(
        'ca',
        '-batch',
        '-notext',
        '-config',
        config,
        '-cert',
        file,
        '-keyfile',
        key,
        '-startdate',
        asn1Time(fromDays),
        '-enddate',
        asn1Time(toDays),
        '-in',
        request,
        '-out',
        leaf.certificate,
      );
      return leaf;
    },
  };
}

// Needed for a certificate whose time is over: openssl ca can make one, openssl x509 cannot.
const authorityConfig = (files, altName) => `
[ca]
default_ca = authority
[authority]
database = ${files.path('index')}
serial = ${files.path('serial')}
new_certs_dir = ${files.folder}
unique_subject = no
default_md = sha256
policy = any_subject
x509_extensions = leaf
[any_subject]
commonName = supplied
[leaf]
subjectAltName = ${altName}
extendedKeyUsage = serverAuth
`;

// A self-signed certificate.
export function makeSelfSigned(t, altName) {
  const files = makeFolder(t);
  const leaf = { certificate: files.path('self.pem'), key: files.path('self.key') };
  openssl(
    'req',
    '-x509',
    ...newKey(leaf.key),
    '-out',
    leaf.certificate,
    '-days',
    '2',
    '-subj',
    '/CN=test',
    '-addext',
    `subjectAltName=${altName}`,
  );
  return leaf;
}

// A time as openssl ca wants it: 20250131235959Z.
function asn1Time(days) {
  const date = new Date(Date.now() + days * 86_400_000);
  return `${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`;
}
