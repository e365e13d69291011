// Runs cases in order, and prints the counts that pg_clients reads. A case that fails does not prevent the cases
// after it.
const [host, port] = process.env.MILLRACE_PG.split(':');
exports.where = { host, port: Number(port), user: process.env.PGUSER, password: 'x', database: 'postgres', options: process.env.PGOPTIONS };
exports.run = async (cases, end) => {
  let passed = 0;
  let failed = 0;
  for (const [name, body] of Object.entries(cases)) {
    try {
      await body();
      ++passed;
    } catch (error) {
      ++failed;
      console.log(`FAILED ${name}: ${error.stack}${error.sql ? `\n    ${error.sql}` : ''}`);
    }
  }
  await end();
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed === 0 ? 0 : 1);
};
