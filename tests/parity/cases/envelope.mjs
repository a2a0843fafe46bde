// SPDX-License-Identifier: MIT
// The envelope: which members count, what may be missing, which models have a route.

import {
  BODY,
  DONE,
  HOST,
  AUTH,
  IGNORED,
  JSON_TYPE,
  post,
  REFUSED,
  row,
  USER,
  withBody,
} from '../case.mjs';

const withModel = (name, model, expected) =>
  withBody(name, `{"model":${model},"operation":"add","data":${USER},"hiveId":"acc_1"}`, expected);

const withType = (name, type) =>
  row(name, post({ headers: [HOST, AUTH, ...(type ? [['Content-Type', type]] : [])] }), DONE);

export default [
  withBody('a user', BODY, DONE),
  withModel('a post', '"posts"', DONE),
  withBody('operation set', BODY.replace('"add"', '"set"'), DONE),
  withBody('operation remove, without a mutation for it', BODY.replace('"add"', '"remove"'), DONE),
  withBody('an operation that nobody knows', BODY.replace('"add"', '"upsert"'), DONE),
  withBody('an operation that is not a string', BODY.replace('"add"', '[1]'), DONE),
  withBody('no operation', `{"model":"users","data":${USER},"hiveId":"acc_1"}`, DONE),
  withBody('no hiveId', `{"model":"users","operation":"add","data":${USER}}`, DONE),
  withBody('a hiveId that is a number', `{"model":"users","data":${USER},"hiveId":12.50}`, DONE),
  withBody('a hiveId that is null', `{"model":"users","data":${USER},"hiveId":null}`, DONE),
  withBody('a hiveId that is empty', `{"model":"users","data":${USER},"hiveId":""}`, DONE),
  withBody('a bladeId that is empty', '{"model":"users","data":{"bladeId":""},"hiveId":""}', DONE),
  withBody(
    'a hiveId that is an object',
    `{"model":"users","data":${USER},"hiveId":{"a":[1,2]}}`,
    DONE,
  ),
  withBody('only model and data', `{"model":"users","data":${USER}}`, DONE),
  withBody(
    'members that nobody asked for',
    `{"x":{"$y":1},"model":"users","data":${USER},"":[]}`,
    DONE,
  ),
  withBody('data before model', `{"data":${USER},"hiveId":"acc_1","model":"users"}`, DONE),
  withBody('no data', '{"model":"users","operation":"add","hiveId":"acc_1"}', DONE),
  withBody('no data for posts', '{"model":"posts"}', DONE),

  withModel('a model without a route', '"comments"', IGNORED),
  withModel('a model in other letters', '"Users"', IGNORED),
  withModel('a model with a blank', '"users "', IGNORED),
  withModel('a model that is empty', '""', IGNORED),
  withModel('a model that is null', 'null', IGNORED),
  withModel('a model that is a number', '5', IGNORED),
  withModel('a model that is an array of a model', '["users"]', IGNORED),
  withModel('a model that is an object', '{"users":1}', IGNORED),
  withModel('the model __proto__', '"__proto__"', IGNORED),
  withModel('the model constructor', '"constructor"', IGNORED),
  withModel('a model that ends in NUL', '"users\\u0000"', IGNORED),
  withModel('a model with an unpaired surrogate', '"\\ud800"', IGNORED),
  withBody('no model', `{"operation":"add","data":${USER},"hiveId":"acc_1"}`, IGNORED),
  withBody('an empty object', '{}', IGNORED),
  withBody('no route and no data', '{"model":"comments"}', IGNORED),
  withBody('no route and data that is null', '{"model":"comments","data":null}', IGNORED),
  withBody(
    'no route and data that no mutation takes',
    '{"model":"comments","data":{"$x":1}}',
    IGNORED,
  ),

  withBody('model written with an escape', `{"mod\\u0065l":"users","data":${USER}}`, DONE),
  withBody('data written with escapes', `{"model":"users","\\u0064\\u0061ta":${USER}}`, DONE),
  withBody(
    "the model's name written with an escape",
    `{"model":"us\\u0065rs","data":${USER}}`,
    DONE,
  ),
  withBody('model twice', `{"model":"posts","data":${USER},"model":"users"}`, DONE),
  withBody(
    'model twice, the last without a route',
    `{"model":"users","data":${USER},"model":"x"}`,
    IGNORED,
  ),
  withBody(
    'model twice, the last one null',
    `{"model":"users","data":${USER},"model":null}`,
    IGNORED,
  ),
  withBody(
    'model twice, once with an escape',
    `{"model":"posts","data":${USER},"m\\u006fdel":"users"}`,
    DONE,
  ),
  withBody('data twice', `{"model":"users","data":{"a":1},"data":{"b":2}}`, DONE),
  withBody(
    'data twice, the first not an object',
    `{"model":"users","data":null,"data":{"b":2}}`,
    DONE,
  ),
  withBody(
    'data twice, the last not an object',
    `{"model":"users","data":{"b":2},"data":[1]}`,
    REFUSED,
  ),
  withBody(
    'data twice, the first with a bad name',
    `{"model":"users","data":{"$a":1},"data":{"b":2}}`,
    DONE,
  ),
  withBody(
    'data twice, once with an escape',
    `{"model":"users","data":{"a":1},"dat\\u0061":{"b":2}}`,
    DONE,
  ),
  withBody('__proto__ beside data', `{"__proto__":{"model":"users"},"data":${USER}}`, IGNORED),
  withBody(
    '__proto__ beside model and data',
    `{"model":"users","__proto__":{"data":5},"data":${USER}}`,
    DONE,
  ),
  withBody(
    'a bad name beside data',
    `{"model":"users","data":${USER},"hiveId":{"$x":1,"é":2}}`,
    DONE,
  ),
  withBody(
    'a member that only starts like model',
    `{"model\\u0000":"posts","model":"users","data":${USER}}`,
    DONE,
  ),

  withBody(
    'blanks everywhere',
    ' \t\r\n{ "model" :\n"users" ,\t"data" : { "a" : [ 1 , 2 ] , "b" : { } } \r\n} \n',
    DONE,
  ),
  withBody('a byte order mark', `\ufeff${BODY}`, DONE),
  withBody('a byte order mark inside a string', `{"model":"users","data":{"a":"\ufeffx"}}`, DONE),

  withType('no Content-Type', ''),
  withType('a Content-Type that is text', 'text/plain'),
  withType('a Content-Type with a charset', 'application/json; charset=iso-8859-1'),
  withType('a Content-Type that is a form', 'application/x-www-form-urlencoded'),
];
