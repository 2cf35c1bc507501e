'use strict';

const assert = require('node:assert');
const { readFileSync, readdirSync } = require('node:fs');
const { test } = require('node:test');

const { fieldsAreWhole, fitsFields, isTitle, timesAreIso } = require('./checks');
const { App, authData, definition, zapier } = require('./site');

const parts = ['triggers', 'searches', 'creates'].flatMap((kind) => Object.values(App[kind]));
const known = (fields) => fields.filter((field) => typeof field !== 'function');

test('Zapier finds nothing wrong with the definition', async () => {
  const { results } = await zapier.createAppHandler(App)({ command: 'validate' });
  assert.deepStrictEqual(results, []);
});

test('Zapier can read the definition', async () => {
  const { results } = await zapier.createAppHandler(App)({ command: 'definition' });
  assert.strictEqual(results.platformVersion, '19.1.0');
  assert.deepStrictEqual(Object.keys(results.triggers), Object.keys(App.triggers));
});

test('the package names one exact dependency and is private', () => {
  const made = require(`${process.env.CONNECTOR}/package.json`);
  assert.deepStrictEqual(made.dependencies, { 'zapier-platform-core': '19.1.0' });
  assert.strictEqual(made.private, true);
  assert.strictEqual(made.main, 'index.js');
  assert.match(made.version, /^\d+\.\d+\.\d+$/);
  assert(!('devDependencies' in made));
});

test('everything that is enabled is there, under keys that fit', () => {
  const views = definition.views.length;
  assert.strictEqual(Object.keys(App.triggers).length, 2 * views);
  assert.strictEqual(Object.keys(App.searches).length, definition.views.filter((view) => view.parameters.length).length);
  assert.strictEqual(Object.keys(App.creates).length, definition.operations.length);
  const all = parts.map((part) => part.key);
  assert.strictEqual(new Set(all.map((key) => key.toLowerCase())).size, all.length);
  for (const key of all) {
    assert.match(key, /^[a-zA-Z]+[a-zA-Z0-9_]{1,}$/);
  }
});

test('labels are in title case, short, and told apart (D018)', () => {
  assert(isTitle('New or Updated in E-Mail (Instant)') && !isTitle('New lead') && !isTitle('New Lead in'));
  for (const kind of ['triggers', 'searches', 'creates']) {
    const labels = Object.values(App[kind]).map((part) => part.display.label);
    assert.strictEqual(new Set(labels).size, labels.length, labels.join('\n'));
    for (const label of labels) {
      assert(isTitle(label), label);
      assert(label.length <= 64, label);
    }
  }
});

test('descriptions of triggers begin and end as Zapier wants (D021)', () => {
  for (const { display } of Object.values(App.triggers)) {
    assert.match(display.description, /^Triggers when [^\n]+\.$/);
  }
  assert(parts.every((part) => part.display.description.endsWith('.') && part.display.description.length <= 1000));
});

test('every part has a sample that fits its output fields (D010, D012, D023, D024)', () => {
  for (const { key, operation } of parts) {
    assert(operation.sample && operation.sample.id, key);
    timesAreIso(operation.sample);
    fitsFields(operation.sample, known(operation.outputFields));
    fieldsAreWhole(operation.sample, known(operation.outputFields));
  }
});

test('triggers by hook can be tested by polling (D006), and subscribe by themselves (D017)', () => {
  for (const { operation } of Object.values(App.triggers).filter((trigger) => trigger.operation.type === 'hook')) {
    assert(operation.performList && operation.performSubscribe && operation.performUnsubscribe);
  }
});

test('searches ask for something (D009), actions have fields (D022), and none asks for credentials (D001)', () => {
  for (const { key, operation } of [...Object.values(App.searches), ...Object.values(App.creates)]) {
    assert(operation.inputFields.length, key);
    for (const field of operation.inputFields) {
      assert(!/api.?key|password|secret/i.test(field.key));
      assert.notStrictEqual(field.helpText, field.label); // D011
    }
  }
});

test('nothing secret is in any file', () => {
  for (const name of readdirSync(process.env.CONNECTOR)) {
    const text = readFileSync(`${process.env.CONNECTOR}/${name}`, 'utf8');
    assert(!text.includes(authData.password) && !text.includes(process.env.SECRET), name);
  }
});
