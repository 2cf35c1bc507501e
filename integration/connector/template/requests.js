'use strict';

const ADDRESS = /^https?:\/\/(?:[\p{L}\p{N}.-]+|\[[0-9a-f:.]+\])(?::\d+)?\/?$/iu;
const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

// The site's origin, and nothing that could lead elsewhere: no path, no query, no credentials.
const siteUrl = (z, bundle) => {
  const given = String(bundle.authData.siteUrl || '').trim();
  let url;
  try {
    url = new URL(ADDRESS.test(given) ? given : '');
  } catch (error) {
    throw new z.errors.Error(
      'Write the site URL as an address alone, like https://records.example.com, without a path.',
      'InvalidData',
      400,
    );
  }
  if (url.protocol !== 'https:' && !LOCAL.includes(url.hostname)) {
    throw new z.errors.Error('The site URL must start with https://.', 'InvalidData', 400);
  }
  return url.origin;
};

const get = async (z, bundle, path, params = {}) => {
  const query = new URLSearchParams(params).toString();
  const response = await z.request({ url: `${siteUrl(z, bundle)}${path}${query && '?'}${query}` });
  return response.data;
};

const list = async (z, bundle, path, params) => {
  const found = await get(z, bundle, path, params);
  if (!Array.isArray(found)) {
    throw new z.errors.Error('The site answered with no list of records: check the site URL.', 'InvalidData', 502);
  }
  return found;
};

const send = async (z, bundle, method, path, body) => {
  const response = await z.request({
    method,
    url: `${siteUrl(z, bundle)}${path}`,
    headers: { 'content-type': 'application/json' },
    // Zapier's client takes {{…}} in a body for its own; a record may well contain it.
    ...(body && { body: JSON.stringify(body).replaceAll('{{', '\\u007b\\u007b') }),
  });
  return response.data;
};

const seconds = (header) => (/^\d+$/.test(header || '') ? Number(header) : null);

// What the site says of an error is written for whoever owns the Zap. Zapier's client has dealt with 429 before.
const afterResponse = (response, z) => {
  if (response.status < 400) {
    return response;
  }
  const { code, message = `The site answered with the status ${response.status}.` } = response.data?.error ?? {};
  if (response.status === 401) {
    throw new z.errors.ExpiredAuthError(message);
  }
  if (response.status === 503) {
    throw new z.errors.ThrottledError(message, seconds(response.getHeader('retry-after')));
  }
  throw new z.errors.Error(message, code, response.status);
};

module.exports = { afterResponse, get, list, send, siteUrl };
