'use strict';

// The exported connector, run by Zapier's own client against the running site.

const zapier = require('zapier-platform-core');

const { CONNECTOR, SITE, USERNAME, PASSWORD } = process.env;
const App = require(CONNECTOR);
const definition = require(`${CONNECTOR}/definition.json`);

zapier.tools.env.inject(null);
const tester = zapier.createAppTester(App);

const authData = { siteUrl: SITE, username: USERNAME, password: PASSWORD };
const run = (method, bundle = {}) => tester(method, { authData, inputData: {}, meta: {}, ...bundle });

// The site itself, as any client has it.
const basic = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`;
const ask = async (path, method = 'GET', body = undefined) => {
  const response = await fetch(`${SITE}${path}`, {
    method,
    headers: { authorization: basic, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return response.json();
};

const leads = (operation) => App.creates[`LeadRegistration_${operation}_run`];
const view = (name) => definition.views.find((one) => one.path.endsWith(`/LeadRegistration/views/${name}`));

// Every lead, as it stands.
const everyLead = () => ask(`${view('ViewAllRecords').path}?mode=plain&values=typed`);

module.exports = { App, ask, authData, basic, definition, everyLead, leads, run, tester, view, zapier };
