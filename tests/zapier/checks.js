'use strict';

// Zapier's integration checks that run on its servers alone, as far as they can be told here.

const assert = require('node:assert');

const flattened = (value, path = '') =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, part]) => flattened(part, path ? `${path}__${key}` : key))
    : [[path, value]];
const keys = (item) => flattened(item).map(([key]) => key);

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d))?$/;
const TYPES = {
  string: (value) => typeof value === 'string',
  file: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  datetime: (value) => typeof value === 'string' && ISO.test(value),
};

const SMALL = 'a an and as at but by en for if in of on or the to v via vs'.split(' ');
const isTitle = (label) =>
  label.split(' ').every((word, index, words) => {
    const first = word.replace(/^[^\p{L}\p{N}]+/u, '').slice(0, 1);
    const inside = index > 0 && index < words.length - 1 && !/[:.;?!]$/.test(words[index - 1]);
    return (inside && SMALL.includes(word)) || /\p{Lu}/u.test(word) || first.toLowerCase() === first.toUpperCase();
  });

// D023, T003: a day, or a time with an offset.
const timesAreIso = (item) => {
  for (const [key, value] of flattened(item)) {
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value)) {
      assert.match(value, ISO, key);
    }
  }
};

// D024, T005: values are of the types that the output fields say; what is blank may be null.
const fitsFields = (item, fields) => {
  const values = new Map(flattened(item));
  for (const { key, type, list, required } of fields) {
    assert(values.has(key) || !required, `${key} is missing`);
    const value = values.get(key) ?? null;
    const found = list ? value : [value];
    assert(Array.isArray(found), `${key} is no list`);
    for (const one of found) {
      assert(one === null || !type || TYPES[type](one), `${key} is no ${type}: ${JSON.stringify(one)}`);
    }
  }
};

// The fields say of every key of an item what it is, and of no other; once each.
const fieldsAreWhole = (item, fields) => {
  const said = fields.map((field) => field.key);
  assert.deepStrictEqual([...said].sort(), [...new Set(said)].sort());
  assert.deepStrictEqual([...said].sort(), keys(item).sort());
  assert(fields.every((field) => field.label));
};

// T004, T006: whatever the sample has, what arrives has, too; here even the other way round.
const sameKeys = (sample, item) => assert.deepStrictEqual(keys(sample).sort(), keys(item).sort());

module.exports = { fieldsAreWhole, fitsFields, isTitle, keys, sameKeys, timesAreIso };
