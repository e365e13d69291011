// Checks the schema registry with two JavaScript clients: that of kafkajs and that of Confluent.
const assert = require('node:assert');
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');
const confluent = require('@confluentinc/schemaregistry');

const url = `http://${process.env.MILLRACE_HTTP}`;
const record = (name, field, type) => JSON.stringify({ type: 'record', name, namespace: 'n', fields: [{ name: field, type }] });

async function kafkajs() {
  const registry = new SchemaRegistry({ host: url });
  for (const [type, schema, value] of [
    [SchemaType.AVRO, record('A', 'x', 'int'), { x: 5 }],
    [SchemaType.PROTOBUF, 'syntax = "proto3"; package z; message M { int32 x = 1; }', { x: 7 }],
    [SchemaType.JSON, '{"type":"object","properties":{"x":{"type":"string"}}}', { x: 's' }]]) {
    const { id } = await registry.register({ type, schema }, { subject: `js-${type}` });
    assert.deepStrictEqual({ ...await registry.decode(await registry.encode(id, value)) }, value);
    assert.strictEqual(await registry.getLatestSchemaId(`js-${type}`), id);
  }
  await assert.rejects(registry.register({ type: SchemaType.AVRO, schema: record('A', 'y', 'int') }, { subject: 'js-AVRO' }));
}

async function confluents() {
  const client = new confluent.SchemaRegistryClient({ baseURLs: [url] });
  await client.register('t-value', { schema: record('B', 'y', 'string'), schemaType: 'AVRO' }, false);
  const serializer = new confluent.AvroSerializer(client, confluent.SerdeType.VALUE, { useLatestVersion: true });
  const deserializer = new confluent.AvroDeserializer(client, confluent.SerdeType.VALUE, {});
  const bytes = await serializer.serialize('t', { y: 'hello' });
  assert.deepStrictEqual({ ...await deserializer.deserialize('t', bytes) }, { y: 'hello' });
  await client.updateCompatibility('t-value', 'FULL');
  assert.strictEqual(await client.getCompatibility('t-value'), 'FULL');
  assert.deepStrictEqual(await client.getAllVersions('t-value'), [1]);
}

kafkajs().then(confluents).then(() => console.log('schema registries            passed'))
  .catch((error) => { console.error(error); process.exit(1); });
