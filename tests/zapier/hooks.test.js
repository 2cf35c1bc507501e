'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { after, before, test } = require('node:test');

const { fieldsAreWhole, fitsFields, sameKeys, timesAreIso } = require('./checks');
const { App, ask, leads, run, view } = require('./site');

const PATIENCE = 20_000;
const arrived = [];
const zapiers = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts).toString();
    arrived.push({ method: request.method, path: request.url, headers: request.headers, body });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"success"}');
  });
});
let hooksUrl;
before(async () => {
  await new Promise((resolve) => zapiers.listen(0, '127.0.0.1', resolve));
  hooksUrl = `http://127.0.0.1:${zapiers.address().port}`;
});
after(() => {
  zapiers.close();
  zapiers.closeAllConnections();
});

const until = async (enough, what) => {
  const deadline = Date.now() + PATIENCE;
  while (!enough()) {
    assert(Date.now() < deadline, `${what}: ${JSON.stringify(arrived)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const to = (path) => arrived.filter((one) => one.method === 'POST' && one.path === path);

test('what is subscribed to arrives as the poll has it, and ends with the subscription', async () => {
  const { operation } = App.triggers.LeadRegistration_ViewAllRecords_instant;
  const { operation: hot } = App.triggers.LeadRegistration_HotLeads_instant;
  const subscribe = (trigger, path) => run(trigger.performSubscribe, { targetUrl: `${hooksUrl}${path}` });
  // Zapier's reviewers try two Zaps on one trigger: neither may replace the other.
  const [one, two, third] = [await subscribe(operation, '/1'), await subscribe(operation, '/2'), await subscribe(hot, '/3')];
  assert.strictEqual(new Set([one.id, two.id, third.id]).size, 3);

  const inputData = { Company: `Instant ${process.pid}`, LastName: 'Byron', Rating: 'Warm', TotalValue: 12 };
  const made = await run(leads('CaptureLead').operation.perform, { inputData });
  await until(() => to('/1').length && to('/2').length, 'the capture');
  const [{ headers, body }] = to('/1');
  const cleanedRequest = JSON.parse(body);
  assert.deepStrictEqual(JSON.parse(to('/2')[0].body), cleanedRequest);
  assert(headers['webhook-id'] && headers['webhook-timestamp'] && headers['webhook-signature'], JSON.stringify(headers));

  const [item] = await run(operation.perform, { cleanedRequest, subscribeData: one, targetUrl: `${hooksUrl}/1` });
  assert.deepStrictEqual([item.id, item.RecordID, item.IsNew], [made.id, made.RecordID, true]);
  const polled = (await run(operation.performList)).find((lead) => lead.id === item.id);
  assert.deepStrictEqual(item, polled);
  const fields = await run(operation.outputFields);
  timesAreIso(item);
  fitsFields(item, fields);
  fieldsAreWhole(item, fields);
  sameKeys(operation.sample, item);

  // A change that brings it into another view.
  const { RecordID } = made;
  const changed = await run(leads('UpdateLead').operation.perform, { inputData: { RecordID, Rating: 'Hot' } });
  await until(() => to('/3').length && to('/1').length === 2 && to('/2').length === 2, 'the change');
  const [entered] = await run(hot.perform, { cleanedRequest: JSON.parse(to('/3')[0].body) });
  assert.deepStrictEqual([entered.id, entered.IsNew, entered.LastOperation], [changed.id, false, 'UpdateLead']);
  sameKeys(hot.sample, entered);

  const listed = await ask(`${view('ViewAllRecords').path}/hooks`);
  assert.deepStrictEqual(listed.map((subscription) => subscription.id).sort(), [one.id, two.id].sort());
  const unsubscribe = (trigger, subscribeData) => run(trigger.performUnsubscribe, { subscribeData });
  assert.deepStrictEqual(await unsubscribe(operation, one), {});
  assert.deepStrictEqual(await unsubscribe(operation, one), {});
  await run(leads('UpdateLead').operation.perform, { inputData: { RecordID, Rating: 'Cold' } });
  await until(() => to('/2').length === 3, 'the second change');
  await unsubscribe(operation, two);
  await unsubscribe(hot, third);
  assert.deepStrictEqual(await ask(`${view('ViewAllRecords').path}/hooks`), []);
  assert.deepStrictEqual([to('/1').length, to('/2').length, to('/3').length], [2, 3, 1]);
});

test('a target that nothing may be sent to is told in words', async () => {
  const { performSubscribe } = App.triggers.LeadRegistration_ViewAllRecords_instant.operation;
  await assert.rejects(run(performSubscribe, { targetUrl: 'ftp://example.com/' }), { name: 'AppError', message: /targetUrl/ });
});
