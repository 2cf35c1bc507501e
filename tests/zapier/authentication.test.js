'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { test } = require('node:test');

const { App, authData, run } = require('./site');

const connect = (changed) => run(App.authentication.test, { authData: { ...authData, ...changed } });

// What one that answers like this makes of a call.
const answering = async (status, headers, body, call) => {
  const server = http.createServer((request, response) => response.writeHead(status, headers).end(body));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await call(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

test('good credentials connect, under a label that tells who and where', async () => {
  const answer = await connect({});
  assert.strictEqual(answer.User, 'Zapier (restuser)');
  const label = App.authentication.connectionLabel.replace(/{{(\w+)}}/g, (_, key) => answer[key]);
  assert.strictEqual(label, `Zapier (restuser) @ ${new URL(authData.siteUrl).host}`);
  assert(!JSON.stringify(answer).includes(authData.password));
});

test('a slash or blanks around the address do not matter', async () => {
  assert.strictEqual((await connect({ siteUrl: ` ${authData.siteUrl}/ ` })).User, 'Zapier (restuser)');
});

test('bad credentials hold the Zap until somebody connects again', async () => {
  for (const changed of [{ password: 'wrong' }, { username: 'nobody' }, { username: 'sam' }]) {
    await assert.rejects(connect(changed), { name: 'ExpiredAuthError', message: /user name and the password/ });
  }
});

test('an address that could lead elsewhere is refused before anything is sent', async () => {
  const { host } = new URL(authData.siteUrl);
  const wrong = [
    '', 'records.example.com', 'ftp://127.0.0.1', 'http://records.example.com', 'http://127.0.0.1.example.com',
    `http://${host}/api`, `http://${host}/?x=`, `http://${host}#x`, `http://${host}\\@example.com`,
    `http://${host}@example.com`, `http://user:word@${host}`, `http://${host}/../..`, 'https://a b', 'https://',
    `http://${host}\n.example.com`, 'https://{{bundle.authData.password}}', 'javascript:alert(1)',
  ];
  for (const siteUrl of wrong) {
    await assert.rejects(connect({ siteUrl }), { name: 'AppError', message: /site URL/ }, siteUrl);
  }
});

test('another program at the address is no site', async () => {
  await answering(200, { 'content-type': 'text/html' }, '<h1>Hello</h1>', (siteUrl) =>
    assert.rejects(connect({ siteUrl }), { name: 'AppError', message: /another program/ }),
  );
});

test('a site that is away makes the Zap wait as long as it says', async () => {
  const body = JSON.stringify({ error: { code: 'unavailable', message: 'Away.', fields: [] } });
  const [trigger] = Object.values(App.triggers);
  const poll = (siteUrl) => run(trigger.operation.perform, { authData: { ...authData, siteUrl } });
  const told = async (status, headers) => {
    const error = await answering(status, headers, body, (siteUrl) => poll(siteUrl).catch((refused) => refused));
    return [error.name, JSON.parse(error.message).delay];
  };
  assert.deepStrictEqual(await told(503, { 'retry-after': '5' }), ['ThrottledError', 5]);
  assert.deepStrictEqual(await told(503, {}), ['ThrottledError', null]);
  assert.deepStrictEqual(await told(503, { 'retry-after': 'Tue, 24 Nov 2026 10:00:00 GMT' }), ['ThrottledError', null]);
  assert.deepStrictEqual(await told(429, { 'retry-after': '7' }), ['ThrottledError', 7]);
});

test('an answer that is no list of records is no empty list', async () => {
  const [trigger] = Object.values(App.triggers);
  await answering(200, {}, '<h1>Hello</h1>', (siteUrl) =>
    assert.rejects(run(trigger.operation.perform, { authData: { ...authData, siteUrl } }), /no list of records/),
  );
});
