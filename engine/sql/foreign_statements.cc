// The first words of statements of other systems.
#include "engine/sql/foreign_words.h"

namespace engine {
namespace {

constexpr std::string_view kConnectors =
    "CREATE STREAM s (...) WITH (KAFKA_TOPIC='...') reads a topic. CREATE SOURCE CONNECTOR name "
    "WITH "
    "(\"connector.class\"='...', ...) fills one from another system, and CREATE SINK CONNECTOR "
    "reads one.";
constexpr std::string_view kDropConnector = "Use DROP CONNECTOR and the name.";
constexpr std::string_view kOneDatabase = "A server has one database, and every session is in it.";
constexpr std::string_view kColumnsFirst =
    "The columns precede WITH: CREATE STREAM s (id INT KEY, a INT) WITH (...).";
constexpr std::string_view kColumnOfStream =
    "A column of a stream stays as it is, because earlier records have it. CREATE STREAM ... AS "
    "SELECT makes a stream with other columns: CAST(a AS BIGINT) AS a, or a AS b.";
constexpr std::string_view kNamesLike =
    "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'a%' finds names, in "
    "lower case.";
constexpr std::string_view kFetchTimeout =
    "SET push.fetch_timeout = '1s' before it bounds the wait of each FETCH, which then returns the "
    "rows that have arrived.";
constexpr std::string_view kDescribe = "DESCRIBE {3} lists the columns.";
constexpr std::string_view kChangesOf = "SELECT * FROM {1} EMIT CHANGES follows the changes.";
constexpr std::string_view kDescribeExtended =
    "DESCRIBE {3} EXTENDED shows the columns and the statement.";
constexpr std::string_view kSettingOfTopic =
    "A setting belongs to the topic, which DESCRIBE {2} names: ALTER TOPIC name SET "
    "('retention.ms' = 60000).";
constexpr std::string_view kNoIndex =
    "Leave it out: rows are found by their PRIMARY KEY, and otherwise by a scan.";
constexpr std::string_view kLastColumn =
    "Leave out the place: a new column is the last one. ALTER TABLE {2} ADD COLUMN name TYPE.";
constexpr std::string_view kMissingName = "A name precedes AS: {0} {1} name {2:}";
constexpr std::string_view kMissingAs = "AS precedes SELECT: {0} {1} {2} AS {3:}";
constexpr std::string_view kNoProcedures =
    "A server has no stored procedures. SHOW FUNCTIONS lists the functions; client programs "
    "implement others.";
constexpr std::string_view kViews =
    "SELECT matviewname, definition FROM pg_matviews lists the materialized views, and pg_views "
    "the other ones. SHOW QUERIES has the state of their queries.";
constexpr std::string_view kDropTopic =
    "DROP STREAM name DELETE TOPIC deletes a stream with its topic. The command millrace topic "
    "delete {2} deletes the topic alone.";
constexpr std::string_view kShell =
    "This is a command of the shell, not SQL. SHOW TOPICS lists the topics.";
constexpr std::string_view kReadFile =
    "In psql use \\copy t FROM 'file.csv' WITH (FORMAT csv, HEADER), which reads a file of the "
    "client.";
constexpr std::string_view kTopicInQuotes =
    "A topic whose name has dots or dashes is in single quotes: PRINT 'a.b'. PRINT names the "
    "topic, and SELECT * FROM s names the stream.";
constexpr std::string_view kOneConnector =
    "Each statement names one connector: PAUSE CONNECTOR name, RESUME CONNECTOR name or DROP "
    "CONNECTOR name. SHOW CONNECTORS lists the names.";
constexpr std::string_view kCopyOptions =
    "The options of COPY are in parentheses: WITH (FORMAT csv, HEADER).";
constexpr std::string_view kShellOfClient =
    "This is a command of a client's terminal, and not SQL. In psql and millrace sql, \\q ends the "
    "session and \\? lists the commands. SHOW STREAMS and SHOW TABLES list the contents of the "
    "server.";
constexpr std::string_view kMakeUser =
    "Use CREATE USER ann PASSWORD '...': the name has no quotes and no host. The file in "
    "--access-file limits the addresses of users.";
constexpr std::string_view kSetProperty =
    "The value follows =, in quotes: SET 'auto.offset.reset' = 'earliest'. SHOW PROPERTIES lists "
    "the present values.";
constexpr std::string_view kTerminate =
    "Use TERMINATE and the id of the query, which SHOW QUERIES lists.";
constexpr std::string_view kStatementSet =
    "Send each INSERT INTO ... SELECT on its own; each is a continuous query.";
constexpr std::string_view kDropLink =
    "DROP LINK closes the connections of a link, and CREATE LINK opens them.";
constexpr std::string_view kSecretFile =
    "Write the secret to a file below --secrets-dir. Properties of links and connectors refer to "
    "it: 'sasl.password' = '${file:NAME}'.";
constexpr std::string_view kCreateAgain =
    "CREATE makes a stream or table once, also for later starts of the server. PAUSE and RESUME "
    "stop and continue its query.";

}  // namespace

const std::vector<Construct>& constructs_at_the_beginning() {
  static const std::vector<Construct> constructs = {
      // Statements of ksqlDB.
      {{"DROP", "TOPIC", "*"}, kDropTopic},
      {{"DELETE", "TOPIC", "*"}, kDropTopic},
      {{"DROP", "SOURCE"}, kDropConnector, {}, 0, {}, true},
      {{"DROP", "SINK"}, kDropConnector, {}, 0, {}, true},
      {{"TERMINATE", "QUERY", "*"}, "Leave out QUERY: TERMINATE {2}. SHOW QUERIES lists the ids."},
      {{"PAUSE", "QUERY", "*"}, "Leave out QUERY: PAUSE {2}. SHOW QUERIES lists the ids."},
      {{"RESUME", "QUERY", "*"}, "Leave out QUERY: RESUME {2}. SHOW QUERIES lists the ids."},
      {{"DROP", "QUERY", "*"}, "TERMINATE {2} ends a query. SHOW QUERIES lists the ids."},
      {{"CREATE", "STREAM", "AS"}, kMissingName},
      {{"CREATE", "TABLE", "AS"}, kMissingName},
      {{"CREATE", "STREAM", "*", "SELECT"}, kMissingAs},
      {{"CREATE", "TABLE", "*", "SELECT"}, kMissingAs},
      {{"CREATE", "STREAM", "*", "FROM", "*"},
       "CREATE STREAM {2} AS SELECT * FROM {4} copies a stream. WITH (KAFKA_TOPIC='...') and the "
       "columns make a stream of a topic."},
      {{"CREATE", "STREAM", "*", "ON", "TABLE", "*"},
       "SELECT * FROM {5} EMIT CHANGES follows the changes of a table. Its topic has them as "
       "records."},
      {{"TERMINATE", "ALL", "QUERIES"}, "TERMINATE ALL ends all queries."},
      {{"PRINT", "TOPIC"}, "Leave out TOPIC: PRINT name."},
      {{"PRINT", "*", "."}, kTopicInQuotes},
      {{"PRINT", "*", "-"}, kTopicInQuotes},
      {{"PAUSE", "CONNECTORS"}, kOneConnector},
      {{"RESUME", "CONNECTORS"}, kOneConnector},
      {{"DROP", "CONNECTORS"}, kOneConnector},
      {{"PAUSE", "ALL", "CONNECTORS"}, kOneConnector},
      {{"RESUME", "ALL", "CONNECTORS"}, kOneConnector},
      {{"DROP", "ALL", "CONNECTORS"}, kOneConnector},
      {{"STOP", "QUERY"},
       "Use PAUSE and the id of the query, which RESUME continues. TERMINATE and the id ends it. "
       "SHOW QUERIES lists the ids."},
      {{"SET", "'"}, kSetProperty, 2},
      {{"UNSET", "*"}, "The name is in quotes: UNSET 'auto.offset.reset'.", 1, 1},
      {{"RESET", "'"}, "Use UNSET {1}."},
      {{"CREATE", "STREAM", "*", "WITH", "("}, kColumnsFirst, 1000, 5, "("},
      {{"CREATE", "TABLE", "*", "WITH", "("}, kColumnsFirst, 1000, 5, "("},
      {{"CREATE", "SOURCE"}, kConnectors, {}, 0, {}, true},
      {{"CREATE", "SINK"}, kConnectors, {}, 0, {}, true},
      {{"CREATE", "CONNECTOR", "*"},
       "SOURCE or SINK precedes CONNECTOR: CREATE SOURCE CONNECTOR {2:}"},
      {{"CREATE", "CONNECTION"}, kConnectors},
      {{"CREATE", "LINK"},
       "CREATE LINK name WITH ('bootstrap.servers' = 'HOST:PORT', ...) names another Kafka "
       "cluster.",
       {},
       0,
       {},
       true},
      {{"ALTER", "LINK"},
       "CREATE OR REPLACE LINK name WITH (...) changes the properties of a link."},
      {{"PAUSE", "LINK"}, kDropLink},
      {{"RESUME", "LINK"}, kDropLink},
      {{"CREATE", "SECRET"}, kSecretFile},
      {{"ALTER", "SECRET"}, kSecretFile},
      {{"DESCRIBE", "QUERY"},
       "EXPLAIN and the id of a query shows it; SHOW QUERIES lists the ids."},
      {{"SHOW", "QUERY"}, "EXPLAIN and the id of a query shows it; SHOW QUERIES lists the ids."},
      {{"ALTER", "STREAM", "*", "DROP"},
       "A column stays, because earlier records have it. A view or a query that selects the other "
       "columns hides it."},
      {{"ALTER", "STREAM", "*", "ALTER"}, kColumnOfStream},
      {{"ALTER", "STREAM", "*", "MODIFY"}, kColumnOfStream},
      {{"ALTER", "STREAM", "*", "CHANGE"}, kColumnOfStream},
      {{"ALTER", "STREAM", "*", "RENAME", "COLUMN"}, kColumnOfStream},
      {{"ALTER", "STREAM", "*", "SET"}, kSettingOfTopic},

      // Statements of MySQL and of some other databases, and statements that have a superfluous
      // word or lack one.
      {{"CREATE", "TOPIC"},
       "CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='...', PARTITIONS=4) creates the topic, too. The "
       "command millrace topic create makes a topic alone."},
      {{"ALTER", "TOPIC"},
       "Use ALTER TOPIC name SET ('retention.ms' = 60000). The command millrace topic alter adds "
       "partitions."},
      {{"ALTER", "CONSUMER", "GROUP"},
       "Use ALTER CONSUMER GROUP name RESET OFFSETS [FOR TOPIC name] TO EARLIEST. DRY RUN at the "
       "end only shows the changes."},
      {{"DESCRIBE", "TOPIC"},
       "SHOW TOPICS lists the topics. The command millrace topic describe shows one."},
      {{"COPY", "*", "FROM", "STDIN", "FORMAT"}, kCopyOptions},
      {{"COPY", "*", "TO", "STDOUT", "FORMAT"}, kCopyOptions},
      {{"COPY", "*", "FROM", "STDIN", "WITH", "FORMAT"}, kCopyOptions},
      {{"COPY", "*", "TO", "STDOUT", "WITH", "FORMAT"}, kCopyOptions},
      {{"HELP"}, kShellOfClient},
      {{"EXIT"}, kShellOfClient},
      {{"QUIT"}, kShellOfClient},
      {{"\\"}, kShellOfClient},
      {{"."}, kShellOfClient},
      {{"?"}, kShellOfClient},
      {{"LS"}, kShellOfClient},
      {{"SOURCE"}, "In psql use \\i file.sql; at a shell use millrace sql -f file.sql."},
      {{"INSERT", "INTO", "*", "JSON"},
       "Name the columns and their values: INSERT INTO t (a, b) VALUES (1, 'x'). millrace produce "
       "and POST /inserts-stream send JSON."},
      {{"DELETE", "*", "WHERE"}, "FROM precedes the name: DELETE FROM {1:}"},
      {{"KAFKA", "-"}, kShell},
      {{"MILLRACE"}, kShell},

      // Statements of MySQL and of some other databases, and statements with a superfluous or a
      // missing word.
      {{"LIST", "ALL", "*"}, "Leave out ALL: LIST STREAMS.", 2, 2},
      {{"SHOW", "ALL", "*"}, "Leave out ALL: SHOW STREAMS.", 2, 2},
      {{"DESC", "*"}, "Use DESCRIBE {1:}"},
      {{"DESC"}, "Use DESCRIBE and the name."},
      {{"DESCRIBE", "FORMATTED", "*"}, "Use DESCRIBE {2} EXTENDED."},
      {{"DESCRIBE", "TABLE"}, "Leave out TABLE: DESCRIBE name."},
      {{"DESCRIBE", "STREAM"}, "Leave out STREAM: DESCRIBE name."},
      {{"DESCRIBE"},
       "A name follows: DESCRIBE orders. SHOW STREAMS and SHOW TABLES list the names.",
       1,
       1},
      {{"USE"}, kOneDatabase},
      {{"LIST", "DATABASES"}, kOneDatabase},
      {{"SHOW", "TABLE"}, "SHOW TABLES lists the tables; DESCRIBE and a name shows one."},
      {{"SHOW", "CREATE", "TABLE", "*"}, kDescribeExtended},
      {{"SHOW", "CREATE", "STREAM", "*"}, kDescribeExtended},
      {{"SHOW", "CREATE", "VIEW", "*"}, kDescribeExtended},
      {{"SHOW", "CREATE"},
       "DESCRIBE and the name shows the columns and, with EXTENDED, the statement.",
       {},
       0,
       {},
       true},
      {{"SHOW", "COLUMNS", "FROM", "*"}, kDescribe},
      {{"SHOW", "COLUMNS", "IN", "*"}, kDescribe},
      {{"SHOW", "FIELDS", "FROM", "*"}, kDescribe},
      {{"SHOW", "FULL", "COLUMNS", "FROM", "*"}, "DESCRIBE {4} lists the columns."},
      {{"SHOW", "GRANTS", "FOR", "*"},
       "SELECT grantee, privilege_type, table_name FROM information_schema.role_table_grants "
       "lists the rights of all users."},
      {{"SHOW", "TOPIC", "*"},
       "SHOW TOPICS lists the topics. The command millrace topic describe {2} shows one."},
      {{"SHOW", "PARTITIONS", "*"},
       "SHOW TOPICS lists the topics and the numbers of their partitions."},
      {{"SHOW", "FULL", "TABLES"}, "SHOW STREAMS and SHOW TABLES list the streams and tables."},
      {{"SHOW", "FULL", "PROCESSLIST"}, "SELECT * FROM pg_stat_activity lists the sessions."},
      {{"SHOW", "MATERIALIZED", "VIEWS"}, kViews},
      {{"LIST", "VIEWS"}, kViews},
      {{"SHOW", "INDEX"}, "Rows are found by their PRIMARY KEY, which DESCRIBE shows."},
      {{"SHOW", "INDEXES"}, "Rows are found by their PRIMARY KEY, which DESCRIBE shows."},
      {{"SHOW", "TABLES", "LIKE"}, kNamesLike},
      {{"SHOW", "STREAMS", "LIKE"}, kNamesLike},
      {{"SHOW", "TABLES", "WHERE"}, kNamesLike},
      {{"SHOW", "TABLES", "FROM"}, kOneDatabase},
      {{"SHOW", "TABLES", "IN"}, kOneDatabase},
      {{"SHOW", "TOPICS", "LIKE"},
       "SELECT topic FROM millrace_catalog.topics WHERE topic LIKE 'a%' finds topics."},
      {{"SHOW", "QUERIES", "LIKE"},
       "SELECT query FROM millrace_catalog.queries WHERE query LIKE 'CTAS%' finds queries."},
      {{"SHOW", "FUNCTIONS", "LIKE"}, "DESCRIBE FUNCTION and a name shows one function."},
      {{"SHOW", "VARIABLES", "LIKE"},
       "SHOW and a name shows one setting, and SHOW ALL lists them: SHOW lock_timeout."},
      {{"EXPLAIN", "FORMAT"}, "The format is in parentheses: EXPLAIN (FORMAT JSON) SELECT ..."},
      {{"INSERT", "IGNORE"}, "Use INSERT INTO ... VALUES (...) ON CONFLICT DO NOTHING."},
      {{"INSERT", "INTO", "*", "SET"}, "Use INSERT INTO t (a, b) VALUES (1, 2)."},
      {{"INSERT", "INTO", "*", "FORMAT"}, "Use COPY t FROM STDIN WITH (FORMAT csv)."},
      {{"INSERT", "OVERWRITE"},
       "Use INSERT INTO. In a table, a row with the same key replaces the earlier row."},
      {{"INSERT", "*", "VALUES"}, "INTO precedes the name: INSERT INTO {1:}", 1, 1},
      {{"INSERT", "*", "("}, "INTO precedes the name: INSERT INTO {1:}", 1, 1},
      {{"INSERT", "INTO", "TABLE", "*"}, "Leave out TABLE: INSERT INTO {3:}"},
      {{"REPLACE", "INTO", "*"},
       "A row replaces the earlier row with the same key: INSERT INTO {2:}"},
      {{"UPSERT", "INTO", "*"},
       "A row replaces the earlier row with the same key: INSERT INTO {2:}"},
      {{"UPSERT"}, "Use INSERT INTO, which replaces the earlier row with the same key."},
      {{"LOAD", "DATA"}, kReadFile},
      {{"RENAME", "TABLE", "*", "TO", "*"}, "Use ALTER TABLE {2} RENAME TO {4}."},
      {{"CREATE", "TABLE", "*", "LIKE"},
       "Repeat the columns, or use CREATE TABLE t AS SELECT * FROM other, which follows the "
       "other."},
      {{"CREATE", "TABLE", "*", "CLONE", "*"},
       "CREATE TABLE {2} AS SELECT * FROM {4} makes a copy that follows {4}."},
      {{"ALTER", "TABLE", "*", "MODIFY", "COLUMN", "name", "*"},
       "Use ALTER TABLE {2} ALTER COLUMN {5} TYPE {6}."},
      {{"ALTER", "TABLE", "*", "MODIFY", "name", "*"},
       "Use ALTER TABLE {2} ALTER COLUMN {4} TYPE {5}."},
      {{"ALTER", "TABLE", "*", "CHANGE", "name", "name", "*"},
       "Use ALTER TABLE {2} RENAME COLUMN {4} TO {5}, and ALTER TABLE {2} ALTER COLUMN {5} TYPE "
       "{6}."},
      {{"ALTER", "TABLE", "*", "ADD", "INDEX"}, kNoIndex, 8},
      {{"ALTER", "TABLE", "*", "ADD", "KEY"}, kNoIndex, 8},
      {{"ALTER", "TABLE", "*", "ADD", "*", "*", "AFTER"}, kLastColumn},
      {{"ALTER", "TABLE", "*", "ADD", "COLUMN", "*", "*", "AFTER"}, kLastColumn},
      {{"ALTER", "TABLE", "*", "ADD", "*", "*", "FIRST"}, kLastColumn},
      {{"ALTER", "TABLE", "*", "ADD", "COLUMN", "*", "*", "FIRST"}, kLastColumn},
      {{"ALTER", "TABLE", "*", "SET", "("}, kSettingOfTopic},
      {{"FETCH", "*", "FROM", "*", "WITH"}, kFetchTimeout},
      {{"FETCH", "*", "*", "WITH"}, kFetchTimeout},
      {{"FETCH", "*", "WITH"}, kFetchTimeout},
      {{"CREATE", "USER", "'"}, kMakeUser},
      {{"CREATE", "USER", "IF", "NOT", "EXISTS", "'"}, kMakeUser},
      {{"CREATE", "USER", "*", "@"}, kMakeUser},
      {{"CREATE", "OR", "REPLACE", "MATERIALIZED", "VIEW"},
       "A materialized view is not replaced, because its readers depend on its columns. DROP "
       "MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT ... makes it anew."},
      {{"SUBSCRIBE", "TO", "*"}, "SELECT * FROM {2} EMIT CHANGES follows the changes."},
      {{"SUBSCRIBE", "*"}, kChangesOf},
      {{"TAIL", "*"}, kChangesOf},
      {{"WATCH", "*"}, kChangesOf},
      {{"FOLLOW", "*"}, kChangesOf},
      {{"COPY", "(", "SUBSCRIBE"}, "Use COPY (SELECT * FROM t EMIT CHANGES) TO STDOUT."},
      {{"COPY", "SELECT"}, "The SELECT is in parentheses: COPY (SELECT ...) TO STDOUT."},
      {{"CREATE", "PROCEDURE"}, kNoProcedures, 1000},
      {{"CREATE", "PROC"}, kNoProcedures, 1000},
      {{"FROM", "*"}, "SELECT precedes FROM: SELECT * FROM {1}.", 0},
      {{"FLUSH"}, "Leave out FLUSH: a right is in force at once."},
      {{"KILL"},
       "SELECT pg_terminate_backend(pid) ends a session of pg_stat_activity. TERMINATE and its id "
       "ends a continuous query."},
      {{"SET", "IDENTITY_INSERT"}, "Leave it out: an INSERT may name every column.", 3},
      {{"SET", "GLOBAL"},
       "SET is for one session. ALTER SYSTEM 'auto.offset.reset' = 'earliest' sets a property for "
       "all."},

      // Statements of Flink.
      {{"CREATE", "CATALOG"}, kOneDatabase},
      {{"EXECUTE", "STATEMENT", "SET"}, kStatementSet},
      {{"STATEMENT", "SET"}, kStatementSet},
      {{"STOP", "JOB"}, kTerminate},
      {{"ADD", "JAR"}, "The functions are built in; SHOW FUNCTIONS lists them."},

      // Statements of SQL Server.
      {{"BULK", "INSERT"}, kReadFile},
      {{"GO"}, "A semicolon ends a statement. Leave out GO."},
      {{"EXEC"},
       "A server has no stored procedures. PREPARE and EXECUTE name and run a statement."},

      // Statements of ClickHouse.
      {{"ALTER", "TABLE", "*", "DELETE"}, "Use DELETE FROM t WHERE ..."},
      {{"ALTER", "TABLE", "*", "UPDATE"}, "Use UPDATE t SET a = 1 WHERE ..."},
      {{"OPTIMIZE"}, "Leave out OPTIMIZE: the server compacts the topics of tables by itself."},
      {{"CREATE", "DICTIONARY"},
       "Use CREATE TABLE d (id INT PRIMARY KEY, a VARCHAR), and join a stream with it."},
      {{"CREATE", "EXTERNAL"}, kConnectors},
      {{"SYSTEM"}, "ALTER SYSTEM 'name' = 'value' sets a property. SHOW SERVER shows the state."},
      {{"ATTACH"}, kCreateAgain},
      {{"DETACH"}, kCreateAgain},

      {{"DROP", "*"},
       "The kind precedes the name: DROP STREAM name, or DROP TABLE name.",
       1,
       0,
       {},
       true},
  };
  return constructs;
}

}  // namespace engine
