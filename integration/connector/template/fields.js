'use strict';

const { get } = require('./requests');

const FILE = { FileName: 'string', ContentType: 'string', Size: 'integer', Url: 'file' };
// Types whose value is an object: Zapier calls its parts Field__Part.
const PARTS = {
  location: { Latitude: 'number', Longitude: 'number', Accuracy: 'number' },
  picture: FILE,
  signature: FILE,
  attachment: FILE,
  user: { UserName: 'string', DisplayName: 'string' },
  link: { RecordID: 'string', Display: 'string' },
};
const WORDS = {
  FileName: 'File Name',
  ContentType: 'Content Type',
  Url: 'URL',
  UserName: 'User Name',
  DisplayName: 'Display Name',
  RecordID: 'Record ID',
};
const OUTPUT = {
  text: 'string',
  multiline: 'string',
  phone: 'string',
  email: 'string',
  url: 'string',
  number: 'number',
  currency: 'number',
  yesno: 'boolean',
  date: 'datetime',
  datetime: 'datetime',
  single: 'string',
  multiple: 'string',
  record: 'string',
  moment: 'datetime',
  whole: 'integer',
};
const INPUT = { ...OUTPUT, multiline: 'text', picture: 'file', signature: 'file', attachment: 'file' };
const HINTS = {
  date: 'The day alone is kept, as it is written.',
  location: 'Latitude and longitude in degrees, like `49.2827, -123.1207`.',
  user: 'A user name of the site.',
  link: 'The Record ID of the record, like `000000012`.',
};

const ID = { key: 'id', label: 'ID of the Change', type: 'integer' };
const CHANGE = [
  ID,
  { key: 'IsNew', label: 'Is New', type: 'boolean' },
  { key: 'LastOperation', label: 'Last Operation', type: 'string' },
];

// What a field of the site is in Zapier: one output field, or one for each of its parts.
const output = ({ key, label, type }) =>
  PARTS[type]
    ? Object.entries(PARTS[type]).map(([part, of]) => ({
        key: `${key}__${part}`,
        label: `${label} ${WORDS[part] || part}`,
        type: of,
      }))
    : [{ key, label, ...(OUTPUT[type] && { type: OUTPUT[type] }), ...(type === 'multiple' && { list: true }) }];

// Those that were there when this was made, then those that the view has been given since; none twice.
const outputFields = (view, extra) => {
  const known = [...extra, ...view.fields.flatMap(output)];
  const keys = new Set(known.map((field) => field.key));
  const since = async (z, bundle) => {
    const { fields } = await get(z, bundle, `${view.path}/fields`);
    return fields.flatMap(output).filter((field) => !keys.has(field.key));
  };
  return [...known, since];
};

const input = ({ key, label, type, required, choices, help }) => {
  const helpText = [help, HINTS[type]].filter(Boolean).join(' ').slice(0, 1000);
  return {
    key,
    label,
    type: INPUT[type] || 'string',
    required,
    ...(helpText && { helpText }),
    ...(choices.length && { choices }),
  };
};

// A field that an action sets, and a question that a view asks (which takes one choice, of several, too).
const settable = (field) => ({ ...input(field), ...(field.type === 'multiple' && { list: true }) });
const question = (field) => input(field);

const isGiven = (value) => value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && !value.length);

// Zapier writes a day as a time in the user's zone; the site wants the day, as the user sees it.
const day = (value) => String(value).slice(0, 10);

module.exports = { CHANGE, ID, day, isGiven, outputFields, question, settable };
