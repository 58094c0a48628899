// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: the tessera authors
//
// node provider.mjs PORT PEM ALG: oidc-provider as it comes, on https://localhost:PORT, with its own
// forms for development. ALG signs ID tokens: RS256 or ES256.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';

import Provider from 'oidc-provider';

const [port, pem, alg] = process.argv.slice(2);
const issuer = `https://localhost:${port}`;
const key = (type, options, more) =>
        ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), ...more });
const client = (client_id, more) => ({
        client_id,
        application_type: 'native',
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback'],
        id_token_signed_response_alg: alg,
        ...more,
});

const provider = new Provider(issuer, {
        clients: [
                client('tessera', { token_endpoint_auth_method: 'none' }),
                client('tessera-secret', { client_secret: 'a secret: +%&=', token_endpoint_auth_method: 'client_secret_basic' }),
        ],
        claims: { openid: ['sub'], profile: ['preferred_username', 'name'], groups: ['groups'] },
        conformIdTokenClaims: false,
        features: { deviceFlow: { enabled: true } },
        findAccount: (ctx, id) => ({
                accountId: id,
                claims: () => ({ sub: id, preferred_username: id, name: `${id} Example`, groups: ['staff', 'ops'] }),
        }),
        jwks: { keys: [key('rsa', { modulusLength: 2048 }, { kid: 'rsa', use: 'sig' }),
                       key('ec', { namedCurve: 'P-256' }, { kid: 'ec', use: 'sig' })] },
        cookies: { keys: ['of a test'] },
});

const text = readFileSync(pem);
https.createServer({ key: text, cert: text }, provider.callback())
        .listen(Number(port), '127.0.0.1', () => console.log('ready'));
