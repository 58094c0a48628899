// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: the tessera authors
//
// node provider.mjs PORT PEM ALG [HOST SECONDS]: oidc-provider as it comes, on https://localhost:PORT or
// https://HOST:PORT, with its own forms for development. ALG signs ID tokens: RS256 or ES256.
//
// With HOST it is a machine of its own in a network: it says which paths were asked for, keeps its keys in
// ./keys over a restart, a code for a device for SECONDS, and in ./secrets all that nobody else may know.
// Who signs in as "carol#2" is another person than "carol", and calls himself carol.

import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';

import Provider from 'oidc-provider';

const [port, pem, alg, host, seconds] = process.argv.slice(2);
const issuer = `https://${host ?? 'localhost'}${port === '443' ? '' : `:${port}`}`;
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

function keys() {
        if (host && existsSync('keys'))
                return JSON.parse(readFileSync('keys'));
        const made = [key('rsa', { modulusLength: 2048 }, { kid: 'rsa', use: 'sig' }),
                      key('ec', { namedCurve: 'P-256' }, { kid: 'ec', use: 'sig' })];
        if (host)
                writeFileSync('keys', JSON.stringify(made));
        return made;
}

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
                claims: () => ({ sub: id, preferred_username: id.split('#')[0], name: `${id} Example`, groups: ['staff', 'ops'] }),
        }),
        jwks: { keys: keys() },
        cookies: { keys: ['of a test'] },
        ...(seconds && { ttl: { DeviceCode: Number(seconds) } }),
});

if (host)
        provider.use(async (ctx, next) => {
                await next();
                console.log(ctx.method, ctx.path, ctx.status);
                const { params } = ctx.oidc ?? {};
                const told = ['/token', '/device/auth'].includes(ctx.path) ? ctx.body : {};
                for (const [name, value] of Object.entries({ ...params, ...told }))
                        if (['access_token', 'code', 'code_verifier', 'device_code', 'id_token', 'nonce', 'state'].includes(name) && value)
                                appendFileSync('secrets', `${name} ${value}\n`, { mode: 0o600 });
        });

const text = readFileSync(pem);
https.createServer({ key: text, cert: text }, provider.callback())
        .listen(Number(port), host ? '0.0.0.0' : '127.0.0.1', () => console.log('ready'));
