// SPDX-License-Identifier: MIT
// Certificates, made anew for each test by the openssl command.

import { execFileSync } from 'node:child_process';
import { makeFolder } from './files.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const newKey = (file) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file];

// An authority: {file: its certificate, issue(name, options): a certificate by it}.
export function makeAuthority(t, name) {
  const files = makeFolder(t);
  const key = files.path('ca.key');
  const file = files.path('ca.pem');
  openssl('req', '-x509', ...newKey(key), '-out', file, '-days', '2', '-subj', `/CN=${name}`);
  let issued = 0;
  return {
    file,
    // altName: "DNS:..." or "IP:...". startsBeforeEnds: days from now, both may be past.
    // Gives {certificate, key}: files.
    issue(altName, { fromDays = -1, toDays = 1 } = {}) {
      const stem = `leaf${issued++}`;
      const request = files.path(`${stem}.csr`);
      const leaf = { certificate: files.path(`${stem}.pem`), key: files.path(`${stem}.key`) };
      openssl('req', ...newKey(leaf.key), '-out', request, '-subj', '/CN=test');
      const folder = makeFolder(t, {
        'index.txt': '', serial: '01',
        'ca.conf': `[ca]\ndefault_ca = it\n[it]\ndatabase = ${files.path('index.txt')}\n`
          + `serial = ${files.path('serial')}\nnew_certs_dir = ${files.folder}\ndefault_md = sha256\n`
          + `policy = any\nunique_subject = no\nx509_extensions = leaf\n[any]\ncommonName = supplied\n`
          + `[leaf]\nsubjectAltName = ${altName}\nextendedKeyUsage = serverAuth\n`,
      });
      files.write('index.txt', '');
      files.write('serial', '01');
      openssl('ca', '-batch', '-notext', '-config', folder.path('ca.conf'), '-cert', file, '-keyfile', key,
        '-startdate', asn1Time(fromDays), '-enddate', asn1Time(toDays), '-in', request, '-out', leaf.certificate);
      return leaf;
    },
  };
}

// A certificate that vouches for itself.
export function makeSelfSigned(t, altName) {
  const files = makeFolder(t);
  const leaf = { certificate: files.path('self.pem'), key: files.path('self.key') };
  openssl('req', '-x509', ...newKey(leaf.key), '-out', leaf.certificate, '-days', '2',
    '-subj', '/CN=test', '-addext', `subjectAltName=${altName}`);
  return leaf;
}

// 20250131235959Z
function asn1Time(days) {
  const date = new Date(Date.now() + days * 86_400_000);
  return `${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`;
}
