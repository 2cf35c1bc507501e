'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { fieldsAreWhole, fitsFields, sameKeys, timesAreIso } = require('./checks');
const { App, everyLead, run } = require('./site');

const { operation } = App.searches.LeadRegistration_SearchLeads_find;
const find = (inputData) => run(operation.perform, { inputData });

test('the best match comes first, of whatever age, as the sample and the fields say', async () => {
  const found = await find({ Rating: 'Hot', MinimumValue: 5000 });
  const fields = await run(operation.outputFields);
  assert(found.length > 0 && found.length <= 10);
  assert(found.every((lead) => lead.Rating === 'Hot' && lead.TotalValue >= 5000));
  for (const lead of found) {
    assert.strictEqual(lead.id, lead.lastSubmissionID);
    timesAreIso(lead);
    fitsFields(lead, fields);
    fieldsAreWhole(lead, fields);
    sameKeys(operation.sample, lead);
  }
  const week = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const old = (await everyLead()).find((lead) => lead.LastModifiedOn < week);
  const companies = (await find({ Company: old.Company })).map((lead) => lead.Company);
  assert(companies.includes(old.Company));
});

test('none found is an empty list', async () => {
  assert.deepStrictEqual(await find({ Company: 'Nobody is called {{bundle.authData.password}} & Söhne + 100%' }), []);
});

test('no is an answer, and nothing at all is none', async () => {
  assert((await find({ CallbackRequested: false })).every((lead) => lead.CallbackRequested === false));
  for (const inputData of [{}, { Company: '', Rating: null }]) {
    await assert.rejects(find(inputData), { name: 'HaltedError' });
  }
});

test('a value that cannot be searched for is told in words', async () => {
  await assert.rejects(find({ MinimumValue: 'lots' }), { name: 'AppError', message: /A number is expected/ });
});

test('search fields are the view’s parameters; where there is one, it is required', () => {
  const keys = operation.inputFields.map((field) => field.key);
  assert.deepStrictEqual(keys, ['Company', 'Rating', 'Industry', 'MinimumValue', 'CallbackRequested']);
  assert(!operation.inputFields.some((field) => field.required));
  const [only, ...more] = App.searches.LeadRegistration_Synchronize_find.operation.inputFields;
  assert(only.required && !more.length);
});

test('a question of every type can be asked', async () => {
  const { perform, inputFields } = App.searches.EveryType_Find_find.operation;
  const answers = {
    Pnumber: 1, Pcurrency: 2, Pyesno: true, Pdate: '2026-11-24T00:00:00+01:00', Pdatetime: '2026-11-24T10:00:00+01:00',
    Psingle: 'Red', Pmultiple: 'Red', Plink: '000000001',
  };
  for (const { key, choices } of inputFields) {
    const found = await run(perform, { inputData: { [key]: answers[key] ?? (choices ? choices[0] : 'x') } });
    assert(Array.isArray(found), key);
  }
});
