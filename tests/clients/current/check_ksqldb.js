// ksqlDB's client for Node.js: ksqldb-client.
const assert = require("assert");
const Client = require("ksqldb-client");
const [host, port] = process.env.MILLRACE_HTTP.split(":");

async function main() {
  const client = new Client({host: `http://${host}`, port: Number(port)});
  await client.connect();
  const statement = async (text) => assert.ok(!(await client.executeStatement(text)).error, text);
  await statement("CREATE STREAM ns (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'ns', VALUE_FORMAT = 'JSON', PARTITIONS = 1);");
  await statement("CREATE TABLE nt AS SELECT k, SUM(v) AS s FROM ns GROUP BY k;");
  for (const v of [1, 2]) assert.strictEqual((await client.insertInto("NS", {K: "a", V: v})).data.rows[0].status, "ok");
  let rows = [];
  for (let tries = 0; tries < 200 && (rows.length === 0 || rows[0].S !== 3); ++tries) {
    rows = (await client.query("SELECT * FROM nt WHERE k = 'a';")).data.rows;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  assert.deepStrictEqual(rows, [{K: "a", S: 3}]);
  assert.strictEqual((await client.listStreams())[0].name, "NS");
  assert.strictEqual((await client.query("SELECT nope FROM nt;")).error.error_code, 40001);
  let id, pushed = [];
  const ended = client.streamQuery("SELECT * FROM ns EMIT CHANGES;", (data) => {
    if (data.metadata) id = data.metadata.queryId;
    pushed = pushed.concat(data.rows || []);
  });
  while (!id) await new Promise((wait) => setTimeout(wait, 20));
  await client.insertInto("NS", {K: "b", V: 7});
  while (pushed.length === 0) await new Promise((wait) => setTimeout(wait, 20));
  await client.terminatePushQuery(id);
  await ended;
  await client.disconnect();
  console.log("ksqldb-client: statements, inserts, pull and push queries");
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
