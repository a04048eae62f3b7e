// SPDX-License-Identifier: Apache-2.0
//
// The parts of webauthn_tpm.sh that speak WebAuthn.
//   ak CARD OUT                    the attestation key of a card as SubjectPublicKeyInfo (DER)
//   nonce JWKS OUT                 makes authenticator data around the key; prints the nonce that it wants
//   verify BUNDLE ATTESTED CA      has @simplewebauthn/server verify the bundle's attStmt, and refuse it changed
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const [, , command, ...files] = process.argv;
const read = (name) => JSON.parse(readFileSync(name, 'utf8'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

// TPMT_PUBLIC of an RSA key: its modulus is the last field (TPM 2.0 Part 2 §12.2.4).
function modulusOf(area) {
  for (const size of [256, 384, 512]) {
    const at = area.length - size - 2;
    if (at > 0 && area.readUInt16BE(at) === size) return area.subarray(at + 2);
  }
  throw new Error('no RSA modulus');
}

// CBOR (RFC 8949) of a COSE key (RFC 8230 §4): {1: 3, 3: -257, -1: n, -2: e}.
function coseKey(n, e) {
  const bytes = (value) => value.length < 24 ? Buffer.concat([Buffer.from([0x40 + value.length]), value])
    : Buffer.concat([Buffer.from([0x59, value.length >> 8, value.length & 255]), value]);
  return Buffer.concat([Buffer.from([0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20]), bytes(n), Buffer.from([0x21]), bytes(e)]);
}

if (command === 'ak') {
  const area = Buffer.from(read(files[0]).ak.pubArea, 'base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: modulusOf(area).toString('base64url'), e: 'AQAB' } });
  writeFileSync(files[1], key.export({ type: 'spki', format: 'der' }));
} else if (command === 'nonce') {
  const jwk = read(files[0]).keys[0];
  const key = coseKey(Buffer.from(jwk.n, 'base64url'), Buffer.from(jwk.e, 'base64url'));
  const authData = Buffer.concat([sha256('idp.example'), Buffer.from([0x41, 0, 0, 0, 1]), Buffer.alloc(16), Buffer.from([0, 4, 1, 2, 3, 4]), key]);
  const clientDataHash = sha256(JSON.stringify({ type: 'webauthn.create', challenge: 'AAAA', origin: 'https://idp.example' }));
  writeFileSync(files[1], JSON.stringify({ authData: authData.toString('base64'), clientDataHash: clientDataHash.toString('base64'), key: key.toString('base64') }));
  console.log(sha256(Buffer.concat([authData, clientDataHash])).toString('base64url'));
} else {
  const { verifyAttestationTPM } = await import('./node_modules/@simplewebauthn/server/esm/registration/verifications/tpm/verifyAttestationTPM.js');
  const stated = read(files[0]).statement.tpm.attStmt;
  const attested = read(files[1]);
  const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
  const attStmt = new Map([['ver', stated.ver], ['alg', stated.alg], ['x5c', stated.x5c.map(bytes)], ['sig', bytes(stated.sig)],
    ['certInfo', bytes(stated.certInfo)], ['pubArea', bytes(stated.pubArea)]]);
  const judge = (statement) => verifyAttestationTPM({
    attStmt: statement, authData: bytes(attested.authData), clientDataHash: bytes(attested.clientDataHash),
    credentialPublicKey: bytes(attested.key), aaguid: new Uint8Array(16), rpIdHash: new Uint8Array(sha256('idp.example')),
    credentialID: new Uint8Array([1, 2, 3, 4]), counter: 1, rootCertificates: [readFileSync(files[2], 'utf8')] });
  if (await judge(attStmt) !== true) throw new Error('not verified');
  let refused = 0;
  for (const member of ['sig', 'certInfo', 'pubArea']) {
    const changed = new Map(attStmt);
    const copy = Uint8Array.from(attStmt.get(member));
    copy[copy.length - 5] ^= 1;
    changed.set(member, copy);
    if (await judge(changed).catch(() => false) === false) refused += 1;
  }
  if (refused !== 3) throw new Error(`only ${refused} of 3 changes were refused`);
  console.log('@simplewebauthn/server: verified, and 3 of 3 changes refused');
}
