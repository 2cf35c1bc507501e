'use strict';

const { site } = require('./definition.json');
const { get, siteUrl } = require('./requests');

const where = site
  ? `An admin finds it on the page [Zapier](${site}/admin/integration/zapier/) of Configure.`
  : 'An admin finds it on the page *Zapier* of Configure.';

// Zapier itself asks for the user name and the password, and sends them as HTTP Basic.
module.exports = {
  type: 'basic',
  fields: [
    {
      key: 'siteUrl',
      label: 'Site URL',
      type: 'string',
      required: true,
      isNoSecret: true,
      helpText: `The address of your site, like \`https://records.example.com\`, without a path. ${where}`,
      ...(site && { default: site }),
    },
  ],
  test: async (z, bundle) => {
    const answer = await get(z, bundle, '/api');
    if (!answer || typeof answer.User !== 'string') {
      throw new z.errors.Error('There is another program at this address: check the site URL.', 'InvalidData', 400);
    }
    return { ...answer, Host: new URL(siteUrl(z, bundle)).host };
  },
  connectionLabel: '{{User}} @ {{Host}}',
};
