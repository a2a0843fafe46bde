// SPDX-License-Identifier: MIT
// Notes what a mutation writes, so that the stand-in can show records as they change.

import { transaction } from './transaction.mjs';
import { mebibytes, sizeOf } from './values.mjs';

const MAX_DOCUMENT_BYTES = 1024 * 1024;

// A database whose writes are noted in the transaction at hand.
export function recordedDb(db) {
  const note = (table, change, record) => transaction()?.changes.push({ table, change, record });

  // patch, replace and delete may be called with the table's name in front of the id.
  const idOf = (args, operands) => args[args.length - operands];

  const writer = Object.create(db);
  writer.insert = async (table, value) => {
    const id = await schemaError(table, () => db.insert(table, value));
    checkSize(await db.get(id));
    note(table, 'created', await db.get(id));
    return id;
  };
  for (const method of ['patch', 'replace']) {
    writer[method] = async (...args) => {
      const id = idOf(args, 2);
      await schemaError(tableOf(id), () => db[method](...args));
      checkSize(await db.get(id));
      note(tableOf(id), 'updated', await db.get(id));
    };
  }
  writer.delete = async (...args) => {
    const id = idOf(args, 1);
    const record = await db.get(id);
    await db.delete(...args);
    note(tableOf(id), 'deleted', record);
  };
  return writer;
}

// get-convex/convex-backend crates/common/src/document.rs: check_user_size. The error undoes the
// mutation.
function checkSize(record) {
  const size = sizeOf(record);
  if (size > MAX_DOCUMENT_BYTES) {
    throw new Error(
      `Value is too large (${mebibytes(size)} > maximum size ${mebibytes(MAX_DOCUMENT_BYTES)})`,
    );
  }
}

// Ids of convex-test consist of digits and the table's name.
const tableOf = (id) => id.replace(/^[0-9]+/, '');

// convex-test says "Validator error: ..." of arguments and documents alike, Convex does not.
async function schemaError(table, write) {
  try {
    return await write();
  } catch (error) {
    const [, what] = /^Validator error: (.*)/s.exec(error.message) ?? [];
    if (what === undefined) throw error;
    throw new Error(
      `Failed to insert or update a document in table "${table}" because it does not match the schema: ${what}`,
    );
  }
}
