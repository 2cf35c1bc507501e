'use strict';

const { CHANGE, outputFields } = require('./fields');
const { list, send } = require('./requests');

// Newest first, of the last days: the site knows what Zapier wants. Who sets a Zap up wants an example of whatever age.
const poll = (view) => (z, bundle) =>
  list(z, bundle, bundle.meta?.isLoadingSample ? `${view.path}/sample` : view.path, {
    mode: 'zapier',
    values: 'typed',
  });

const polling = (view) => ({
  type: 'polling',
  perform: poll(view),
  outputFields: outputFields(view, CHANGE),
  sample: view.sample,
});

const instant = (view) => ({
  type: 'hook',
  performSubscribe: (z, bundle) =>
    send(z, bundle, 'POST', `${view.path}/hooks`, { targetUrl: bundle.targetUrl, values: 'typed' }),
  performUnsubscribe: (z, bundle) =>
    send(z, bundle, 'DELETE', `${view.path}/hooks/${encodeURIComponent(bundle.subscribeData.id)}`),
  perform: (z, bundle) => [bundle.cleanedRequest],
  performList: poll(view),
  outputFields: outputFields(view, CHANGE),
  sample: view.sample,
});

const trigger = ({ key, ...display }, noun, operation) => [key, { key, noun, display, operation }];

module.exports = (views) =>
  Object.fromEntries(
    views.flatMap((view) => [
      trigger(view.poll, view.noun, polling(view)),
      trigger(view.instant, view.noun, instant(view)),
    ]),
  );
