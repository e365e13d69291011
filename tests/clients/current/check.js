// Checks the current versions of two Node clients: kafkajs creates a topic and produces a record,
// and pg runs statements.
const assert = require('node:assert');
const { Kafka, logLevel } = require('kafkajs');
const { Client } = require('pg');

async function main() {
  const kafka = new Kafka({ brokers: [process.env.MILLRACE_KAFKA], logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 1 }] });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: 'kafkajs', messages: [{ key: '1', value: '{"name": "one"}' }] });
  const [offset] = await admin.fetchTopicOffsets('kafkajs');
  assert.strictEqual(offset.high, '1');
  await producer.disconnect();
  await admin.disconnect();

  const [host, port] = process.env.MILLRACE_PG.split(':');
  const client = new Client({ host, port: Number(port), user: 'ada', database: 'millrace' });
  await client.connect();
  await client.query('CREATE STREAM js (id INT KEY, name VARCHAR) WITH (kafka_topic = \'js\', partitions = 1)');
  await client.query('CREATE TABLE js_counts AS SELECT name, COUNT(*) AS n FROM js GROUP BY name');
  await client.query('INSERT INTO js VALUES ($1, $2)', [1, 'one']);
  const { rows } = await client.query('SELECT name, n FROM js_counts WHERE name = $1', ['one']);
  assert.deepStrictEqual(rows, [{ name: 'one', n: '1' }]);
  await client.end();
  console.log('kafkajs, pg                  passed');
}
main().catch((error) => { console.error(error); process.exit(1); });
