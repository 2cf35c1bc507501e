'use strict';

const { createHash } = require('crypto');

const { ID, day, isGiven, settable } = require('./fields');
const { send } = require('./requests');

const RECORD = {
  key: 'RecordID',
  label: 'Record ID',
  type: 'string',
  required: true,
  helpText: 'Which record, like `000000012`: from a trigger, a search or an earlier step.',
};
const TRANSACTION_HELP = {
  create:
    'Leave this empty, and the same values sent again make no second record. Where the same values may come twice and ' +
    'mean two records, put in what tells them apart, like the ID of the trigger.',
  update: 'What tells this change from others, like the ID of the trigger: sent again under it, it is made once.',
  delete: 'Leave this empty: a record is deleted once, however often this is sent.',
};
const OUTPUT = [
  ID,
  { key: 'RecordID', label: 'Record ID', type: 'string' },
  { key: 'lastSubmissionID', label: 'Last submission ID', type: 'integer' },
  { key: 'CreatedOn', label: 'Created on', type: 'datetime' },
  { key: 'LastModifiedOn', label: 'Last modified on', type: 'datetime' },
  { key: 'Changed', label: 'Changed', type: 'string', list: true },
  { key: 'Replayed', label: 'Replayed', type: 'boolean' },
  { key: 'Url', label: 'URL', type: 'string' },
];
const FILES = ['picture', 'signature', 'attachment'];

const named = (response, url) => {
  const header = response.headers.get('content-disposition') || '';
  const written = /filename\*=UTF-8''([^;]+)/i.exec(header) || /filename="?([^";]+)"?/i.exec(header);
  const raw = written ? written[1] : new URL(url).pathname.split('/').pop();
  let name = raw;
  try {
    name = decodeURIComponent(raw);
  } catch (error) {
    // It is no percent-encoding: as it stands, then.
  }
  return name.replace(/[\\/\p{C}]/gu, '_').slice(-200).trim() || 'file';
};

// Not by z.request, which would send the site's password to wherever the file is.
const file = async (z, url) => {
  if (!/^https?:\/\//i.test(url)) {
    throw new z.errors.Error('A file is expected here: choose one of an earlier step.', 'InvalidData', 400);
  }
  const response = await fetch(url);
  if (!response.ok) {
    throw new z.errors.Error(`The file cannot be read: its server answered ${response.status}.`, 'InvalidData', 400);
  }
  const content = Buffer.from(await response.arrayBuffer());
  return { FileName: named(response, url), Content: content.toString('base64') };
};

const written = (z, type, value) => {
  if (FILES.includes(type)) {
    return file(z, String(value));
  }
  if (type === 'multiple') {
    return [].concat(value).filter(isGiven);
  }
  return type === 'date' ? day(value) : value;
};

const ordered = (value) =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])]))
    : value;

// Zapier says of no attempt whether it is a repetition, so the id comes from what is asked: by this Zap, of this
// operation, and what was put in to tell it from others, else the values. An update has an id only if it was told one:
// Hot, Cold and Hot again are three changes, and sending the same values twice in a row changes nothing anyway.
const transactionId = (operation, bundle, body) => {
  const given = bundle.inputData.ExternalTransactionId;
  if (!isGiven(given) && operation.kind === 'update') {
    return null;
  }
  const asked = [operation.path, bundle.meta?.zap?.id ?? null, isGiven(given) ? String(given) : ordered(body)];
  return `zapier-${createHash('sha256').update(JSON.stringify(asked)).digest('hex')}`;
};

const run = (operation) => async (z, bundle) => {
  const body = {};
  if (operation.kind !== 'create') {
    body.RecordID = String(bundle.inputData.RecordID ?? '');
  }
  for (const { key, type } of operation.fields) {
    if (isGiven(bundle.inputData[key])) {
      body[key] = await written(z, type, bundle.inputData[key]);
    }
  }
  const done = await send(z, bundle, 'POST', operation.path, {
    ...body,
    ExternalTransactionId: transactionId(operation, bundle, body),
  });
  return { id: done.lastSubmissionID, ...done };
};

const create = (operation) => {
  const { key, ...display } = operation.run;
  return [
    key,
    {
      key,
      noun: operation.noun,
      display,
      operation: {
        perform: run(operation),
        inputFields: [
          ...(operation.kind === 'create' ? [] : [RECORD]),
          ...operation.fields.map(settable),
          {
            key: 'ExternalTransactionId',
            label: 'Transaction ID',
            type: 'string',
            required: false,
            helpText: TRANSACTION_HELP[operation.kind],
          },
        ],
        outputFields: OUTPUT,
        sample: operation.sample,
      },
    },
  ];
};

module.exports = (operations) => Object.fromEntries(operations.map(create));
