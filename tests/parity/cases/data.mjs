// SPDX-License-Identifier: MIT
// `data` that is no object: the client refuses it with JavaScript's idea of it as a string.

import { DONE, REFUSED, withData } from '../case.mjs';

const received = (data) => withData(`data ${data.slice(0, 60)}`, data, REFUSED);

export default [
  withData('data {}', '{}', DONE),
  withData('data { }', '{ \n }', DONE),
  ...[
    'null', 'true', 'false',
    '0', '-0', '5', '-5', '1.0', '1E2', '0.1', '0.30000000000000004', '1e21', '123456789012345680000',
    '1e-6', '1e-7', '-1.5e-7', '9007199254740993', '1.7976931348623157e308', '5e-324', '4.35', '100',
    '1e-400', '123e-20', '-1e21',
    '""', '"abc"', '"a b"', '"\\u0000"', '"\\n\\t\\"\\\\\\/"', '"é😀"', '"\\ud83d\\ude00"', '"\\ud800"', '"\u2028"', '"<&>"',
    '"\u007f"', '"\\u001f"',
    '[]', '[1,2]', '[ 1 , 2 ]', '[[]]', '[[],[]]', '[null]', '[null,null]', '[null,[1,[2]],{}]', '[{}]', '[{"a":1}]',
    '[true,false,"x",""]', '["a,b","c"]', '[1.50,-0,1e21,1e-7,100000000000000000000]', '["\\ud83d","\\ude00"]',
    '["\\ud83d",1,"\\ude00"]', '[[["deep"],["er"]],"x"]', '[{"$x":1}]', '[{"é":1}]',
    '[{"valueOf":1}]', '[{"toString":1}]', '[1,{"toString":null}]', '[{"toString":{}}]', '[[{"toString":"x"}]]',
    '[{"toString":1,"valueOf":2}]', '[{"tostring":1}]', '[{"x":{"toString":1}}]', '[{"toStrin\\u0067":1}]',
    '[{"constructor":1}]', '[{"join":1,"length":3}]',
    '[{"toString":1},{"b":2}]',
  ].map(received),
  withData('data of 5000 numbers', `[${Array.from({ length: 5000 }, (_, i) => i * 1.5).join(',')}]`, REFUSED),
  withData('data nested 500 deep', `${'['.repeat(500)}1${']'.repeat(500)}`, REFUSED),
  withData('data a string of 100 000 characters', `"${'xé'.repeat(50_000)}"`, REFUSED),
];
