'use strict';

const { ID, day, isGiven, outputFields, question } = require('./fields');
const { list } = require('./requests');

// Zapier goes on with the first.
const MOST = 10;

const find = (view) => async (z, bundle) => {
  const asked = view.parameters.filter(({ key }) => isGiven(bundle.inputData[key]));
  if (!asked.length) {
    // The site would answer with every record, and the Zap would go on with one that nobody asked for.
    throw new z.errors.HaltedError('Nothing is searched for: all search fields are empty.');
  }
  const answers = asked.map(({ key, type }) => [
    key,
    type === 'date' ? day(bundle.inputData[key]) : bundle.inputData[key],
  ]);
  const found = await list(z, bundle, view.path, {
    mode: 'plain',
    values: 'typed',
    limit: MOST,
    ...Object.fromEntries(answers),
  });
  return found.map((record) => ({ id: record.lastSubmissionID, ...record }));
};

const search = (view) => {
  const { key, ...display } = view.find;
  const { IsNew, LastOperation, ...sample } = view.sample;
  const inputFields = view.parameters.map(question);
  if (inputFields.length === 1) {
    inputFields[0].required = true;
  }
  return [
    key,
    {
      key,
      noun: view.noun,
      display,
      operation: { perform: find(view), inputFields, outputFields: outputFields(view, [ID]), sample },
    },
  ];
};

module.exports = (views) => Object.fromEntries(views.filter((view) => view.find).map(search));
