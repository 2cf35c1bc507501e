'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { fieldsAreWhole, fitsFields, sameKeys, timesAreIso } = require('./checks');
const { App, ask, leads, run, view } = require('./site');

const polls = Object.values(App.triggers).filter((trigger) => trigger.operation.type === 'polling');
const hooks = Object.values(App.triggers).filter((trigger) => trigger.operation.type === 'hook');

for (const { key, operation } of [...polls, ...hooks]) {
  const perform = operation.performList || operation.perform;

  test(`${key}: what is polled is as the sample and the fields say (T002 to T006)`, async () => {
    const items = await run(perform);
    const samples = await run(perform, { meta: { isLoadingSample: true } });
    const fields = await run(operation.outputFields);
    assert(items.length && samples.length && samples.length <= 3);
    for (const item of [...items, ...samples]) {
      assert(Number.isInteger(item.id));
      timesAreIso(item);
      fitsFields(item, fields);
      fieldsAreWhole(item, fields);
      sameKeys(operation.sample, item);
    }
    const ids = items.map((item) => item.id);
    assert.deepStrictEqual(ids, [...new Set(ids)].sort((a, b) => b - a));
  });
}

test('a change comes first, under a new id', async () => {
  const { perform } = App.triggers.LeadRegistration_ViewAllRecords_poll.operation;
  const before = await run(perform);
  const { RecordID } = before[before.length - 1];
  await run(leads('UpdateLead').operation.perform, { inputData: { RecordID, Summary: `Changed by ${process.pid}` } });
  const after = await run(perform);
  assert.strictEqual(after[0].RecordID, RecordID);
  assert.strictEqual(after[0].LastOperation, 'UpdateLead');
  assert.strictEqual(after[0].IsNew, false);
  assert(after[0].id > before[0].id);
});

test('a field that the view has been given since is found, and no field twice', async () => {
  const path = require.resolve(`${process.env.CONNECTOR}/definition.json`);
  const before = require.cache[path].exports;
  const older = structuredClone(before);
  for (const one of older.views) {
    one.fields = one.fields.filter((field) => !['Rating', 'LocationField'].includes(field.key));
  }
  const { outputFields } = require(`${process.env.CONNECTOR}/fields.js`);
  for (const one of older.views) {
    const made = outputFields(one, []);
    App._test = { operation: { outputFields: made } };
    const found = (await run(made)).map((field) => field.key);
    const whole = outputFields(before.views.find((same) => same.path === one.path), []);
    const expected = whole.filter((field) => field.key).map((field) => field.key);
    assert.deepStrictEqual(found.sort(), expected.sort());
  }
  delete App._test;
});

test('a trigger made in Zapier’s web page, as plain requests, works as well', async () => {
  const { createAppTester } = require('zapier-platform-core');
  const { authData, basic } = require('./site');
  const { SITE } = process.env;
  const credentials = { username: '{{bundle.authData.username}}', password: '{{bundle.authData.password}}' };
  const made = (url) => ({
    version: '1.0.0',
    platformVersion: '19.1.0',
    authentication: { type: 'basic', test: { url: `${SITE}/api`, params: credentials }, fields: [] },
    triggers: {
      lead: {
        key: 'lead',
        noun: 'Lead',
        display: { label: 'New Lead', description: 'Triggers when a lead is new.' },
        operation: { type: 'polling', perform: { url, method: 'GET', params: credentials }, sample: { id: 1 } },
      },
    },
  });
  const expected = await ask(`${view('ViewAllRecords').path}?mode=zapier`);
  // The address of the view alone, as the article has it: Zapier's agent is known. And with what our page offers.
  for (const [query, values] of [['', expected], ['?mode=zapier&values=typed', undefined]]) {
    const app = made(`${SITE}${view('ViewAllRecords').path}${query}`);
    const tester = createAppTester(app);
    assert.strictEqual((await tester(app.authentication.test, { authData })).User, 'Zapier (restuser)');
    const items = await tester(app.triggers.lead.operation.perform, { authData });
    assert.deepStrictEqual(items.map((item) => item.id), expected.map((item) => item.id));
    if (values) {
      assert.deepStrictEqual(items, values);
    }
    await assert.rejects(tester(app.authentication.test, { authData: { ...authData, password: 'wrong' } }), /401/);
  }
  assert(basic);
});
