'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { after, before, test } = require('node:test');

const { fieldsAreWhole, fitsFields, sameKeys, timesAreIso } = require('./checks');
const { App, ask, definition, everyLead, leads, run } = require('./site');

const capture = leads('CaptureLead').operation;
const update = leads('UpdateLead').operation;
const remove = leads('DeleteLead').operation;
const zap = (id) => ({ meta: { zap: { id } } });
const company = (name) => `${name} ${process.pid}`;
const named = async (name) => (await everyLead()).filter((lead) => lead.Company === name);

// A PNG of one pixel, on a server that notes what it is sent.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const asked = [];
const files = http.createServer((request, response) => {
  asked.push(request.headers);
  const wanted = request.url.startsWith('/missing') ? 404 : 200;
  response.writeHead(wanted, { 'content-disposition': "attachment; filename*=UTF-8''photo%20of%20a%20pixel.png" });
  response.end(Buffer.from(PNG, 'base64'));
});
let fileUrl;
before(async () => {
  await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
  fileUrl = `http://127.0.0.1:${files.address().port}`;
});
after(() => {
  files.close();
  files.closeAllConnections();
});

test('a lead is captured, changed and deleted, and each answer is as the sample says', async () => {
  const Company = company('Whole life');
  const inputData = {
    Company, LastName: 'Byron', Industry: 'Energy', EmployeeCount: 25, TotalValue: '99.5', CallbackRequested: true,
    FirstContact: '2026-11-23T23:30:00-08:00', Summary: 'Two\nlines',
  };
  const made = await run(capture.perform, { inputData });
  const [lead] = await named(Company);
  const typed = { ...inputData, TotalValue: 99.5, FirstContact: '2026-11-23' };
  assert.deepStrictEqual(Object.fromEntries(Object.keys(typed).map((key) => [key, lead[key]])), typed);
  const changed = await run(update.perform, { inputData: { RecordID: made.RecordID, Rating: 'Hot', Summary: '' } });
  assert.deepStrictEqual(changed.Changed, ['Rating']);
  const deleted = await run(remove.perform, { inputData: { RecordID: made.RecordID } });
  assert.deepStrictEqual(await named(Company), []);
  const again = await run(remove.perform, { inputData: { RecordID: made.RecordID } });
  assert.deepStrictEqual([again.Replayed, again.id], [true, deleted.id]);
  for (const [operation, answer] of [[capture, made], [update, changed], [remove, deleted]]) {
    timesAreIso(answer);
    fitsFields(answer, operation.outputFields);
    fieldsAreWhole(answer, operation.outputFields);
    sameKeys(operation.sample, answer);
    assert.strictEqual(answer.id, answer.lastSubmissionID);
  }
});

test('the same values sent again make one record, whatever their order', async () => {
  const Company = company('Once');
  const first = await run(capture.perform, { inputData: { Company, LastName: 'Byron', Rating: 'Hot' } });
  const second = await run(capture.perform, { inputData: { Rating: 'Hot', LastName: 'Byron', Company } });
  assert.deepStrictEqual(second, { ...first, Replayed: true });
  assert.strictEqual((await named(Company)).length, 1);
});

test('many at the same time make one record', async () => {
  const Company = company('At once');
  const inputData = { Company, LastName: 'Byron' };
  const answers = await Promise.all(Array.from({ length: 6 }, () => run(capture.perform, { inputData })));
  assert.strictEqual(new Set(answers.map((answer) => answer.RecordID)).size, 1);
  assert.strictEqual((await named(Company)).length, 1);
});

test('other values, another Zap or another transaction id make another record', async () => {
  const Company = company('Several');
  const inputData = { Company, LastName: 'Byron' };
  const ids = new Set();
  for (const bundle of [
    { inputData },
    { inputData: { ...inputData, FirstName: 'Ada' } },
    { inputData, ...zap('1') },
    { inputData, ...zap('2') },
    { inputData: { ...inputData, ExternalTransactionId: process.pid } },
    { inputData: { ...inputData, ExternalTransactionId: `${process.pid}.` } },
  ]) {
    ids.add((await run(capture.perform, bundle)).RecordID);
    ids.add((await run(capture.perform, bundle)).RecordID);
  }
  assert.strictEqual(ids.size, 6);
  assert.strictEqual((await named(Company)).length, 6);
});

test('a transaction id counts within its operation and its Zap, and is for one call', async () => {
  const ExternalTransactionId = `trigger ${process.pid}`;
  const inputData = { Company: company('Scope'), LastName: 'Byron', ExternalTransactionId };
  const made = await run(capture.perform, { inputData });
  const changed = await run(update.perform, { inputData: { RecordID: made.RecordID, Rating: 'Hot', ExternalTransactionId } });
  assert.strictEqual(changed.Replayed, false);
  const other = run(capture.perform, { inputData: { ...inputData, LastName: 'Lovelace' } });
  await assert.rejects(other, (error) => JSON.parse(error.message).status === 409);
});

test('Hot, Cold and Hot again are three changes', async () => {
  const made = await run(capture.perform, { inputData: { Company: company('Changing'), LastName: 'Byron' } });
  const { RecordID } = made;
  const ids = [];
  for (const Rating of ['Hot', 'Cold', 'Hot']) {
    ids.push((await run(update.perform, { inputData: { RecordID, Rating } })).id);
  }
  assert.deepStrictEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
  const repeated = await run(update.perform, { inputData: { RecordID, Rating: 'Hot' } });
  assert.deepStrictEqual([repeated.id, repeated.Changed], [ids[2], []]);
});

test('what Zapier takes for its own in a text arrives as it was written', async () => {
  const Company = company('Curly');
  const Summary = '{{bundle.authData.password}} and {{ process.env.HOME }} and {{{x}}} "\\u007b';
  await run(capture.perform, { inputData: { Company, LastName: 'Byron', Summary } });
  assert.strictEqual((await named(Company))[0].Summary, Summary);
});

test('a refusal says in words what to do', async () => {
  const told = async (perform, inputData) => {
    const error = await run(perform, { inputData }).catch((refused) => refused);
    return [error.name, JSON.parse(error.message)];
  };
  const [name, { message, code, status }] = await told(capture.perform, { Company: 'Nobody', Rating: 'Tepid' });
  assert.deepStrictEqual([name, code, status], ['AppError', 'invalid_fields', 422]);
  assert.match(message, /LastName: .*Rating: |Rating: .*LastName: /);
  assert(message.length < 250);
  const [, missing] = await told(update.perform, { RecordID: '999999999', Rating: 'Hot' });
  assert.match(missing.message, /RecordID/);
});

test('the input fields are those that the operation sets', () => {
  const fields = Object.fromEntries(capture.inputFields.map((field) => [field.key, field]));
  assert(!('RecordID' in fields) && fields.Company.required && !fields.Rating.required);
  assert.deepStrictEqual(fields.Rating.choices, ['Hot', 'Warm', 'Cold']);
  assert.strictEqual(fields.Summary.type, 'text');
  assert.strictEqual(fields.FirstContact.type, 'datetime');
  const [first, ...rest] = update.inputFields;
  assert(first.key === 'RecordID' && first.required && !rest.some((field) => field.required));
});

test('a field of every type is written, files too, without telling a foreign server the password', async () => {
  const { operation } = App.creates.EveryType_Make_run;
  const inputData = {
    Needed: 'yes', TextField: 'a', MultilineField: 'b\nc', PhoneField: '555', EmailField: 'a@example.com',
    UrlField: 'https://example.com/', NumberField: 2.5, CurrencyField: 3, YesnoField: true,
    DateField: '2026-11-24T00:00:00+01:00', DatetimeField: '2026-11-24T10:00:00+01:00', SingleField: 'Red',
    MultipleField: ['Red', 'Blue'], LocationField: '49.2827, -123.1207', UserField: 'sam',
    PictureField: `${fileUrl}/photo`, SignatureField: `${fileUrl}/photo`, AttachmentField: `${fileUrl}/photo`,
  };
  assert.deepStrictEqual(
    operation.inputFields.map((field) => field.key).sort(),
    [...Object.keys(inputData), 'LinkField', 'ExternalTransactionId'].sort(),
  );
  const made = await run(operation.perform, { inputData });
  assert.strictEqual((await run(operation.perform, { inputData })).RecordID, made.RecordID);
  const linked = { inputData: { RecordID: made.RecordID, LinkField: made.RecordID } };
  await run(App.creates.EveryType_Change_run.operation.perform, linked);
  assert(asked.length === 6 && !asked.some((headers) => headers.authorization));

  const { path } = definition.views.find((view) => view.path.endsWith('/EveryType/views/All'));
  const stored = (await ask(`${path}?values=typed`)).find((record) => record.RecordID === made.RecordID);
  assert.deepStrictEqual(stored.MultipleField, ['Red', 'Blue']);
  assert.deepStrictEqual(stored.LocationField, { Latitude: 49.2827, Longitude: -123.1207, Accuracy: null });
  assert.deepStrictEqual([stored.DateField, stored.DatetimeField], ['2026-11-24', '2026-11-24T09:00:00.000Z']);
  assert.deepStrictEqual([stored.LinkField.RecordID, stored.UserField.UserName], [made.RecordID, 'sam']);
  for (const key of ['PictureField', 'SignatureField', 'AttachmentField']) {
    assert.strictEqual(stored[key].FileName, 'photo of a pixel.png');
    const content = Buffer.from(await (await fetch(stored[key].Url)).arrayBuffer());
    assert.strictEqual(content.toString('base64'), PNG);
  }

  const items = await run(App.triggers.EveryType_All_poll.operation.perform);
  const fields = await run(App.triggers.EveryType_All_poll.operation.outputFields);
  const item = items.find((one) => one.RecordID === made.RecordID);
  timesAreIso(item);
  fitsFields(item, fields);
  fieldsAreWhole(item, fields);

  const missing = { inputData: { Needed: 'no', PictureField: `${fileUrl}/missing` } };
  await assert.rejects(run(operation.perform, missing), /cannot be read/);
  await assert.rejects(run(operation.perform, { inputData: { Needed: 'no', PictureField: 'text' } }), /A file is expected/);
});
