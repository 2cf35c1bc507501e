'use strict';

const authentication = require('./authentication');
const creates = require('./creates');
const definition = require('./definition.json');
const { afterResponse } = require('./requests');
const searches = require('./searches');
const triggers = require('./triggers');

module.exports = {
  version: require('./package.json').version,
  platformVersion: require('zapier-platform-core').version,
  authentication,
  afterResponse: [afterResponse],
  triggers: triggers(definition.views),
  searches: searches(definition.views),
  creates: creates(definition.operations),
};
